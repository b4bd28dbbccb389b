/** What a phase does with each event that concerns it. A phase has handlers of the events that it expects. */
import type { WorkerBody } from "../../../shared/grpc/control-messages.js";
import type { CoreEvent } from "../events.js";
import type { Outcome, PhaseOf, PhaseTag } from "../state.js";
import type { Turn } from "../turn.js";
import type { Share } from "../work.js";

type EventOf<Tag extends CoreEvent["tag"]> = Extract<CoreEvent, { readonly tag: Tag }>;
type BodyOf<Kind extends WorkerBody["kind"]> = Extract<WorkerBody, { readonly kind: Kind }>;

/** A worker could not carry out an assignment because the store does not answer. */
export interface StoreOutage {
  readonly worker: string;
  readonly assignment: string;
  readonly message: string;
}

/** Answers of workers that belong to a phase. A phase without a handler drops them. */
export type PhaseAnswer = "laneRecord" | "auditDone" | "damaged" | "blockResult" | "exported";

/** Answers of reducers and of the store that belong to a phase. A phase without a handler ignores them. */
export type PhaseEvent =
  | "slicesUp"
  | "sliceLoaded"
  | "sliceWhole"
  | "sliceLacks"
  | "sliceCompared"
  | "sliceCommitted"
  | "checkpointWritten"
  | "checkpointFailed"
  | "publishingDelayed"
  | "published";

type AnswerHandlers<Tag extends PhaseTag> = {
  readonly [Kind in PhaseAnswer]?: (
    turn: Turn,
    phase: PhaseOf<Tag>,
    worker: string,
    body: BodyOf<Kind>,
  ) => void;
};

type EventHandlers<Tag extends PhaseTag> = {
  readonly [Name in PhaseEvent]?: (turn: Turn, phase: PhaseOf<Tag>, event: EventOf<Name>) => void;
};

/** The handlers of one phase. */
export interface PhaseHandlers<Tag extends PhaseTag> extends AnswerHandlers<Tag>, EventHandlers<Tag> {
  /** A worker got ready: it is given work that waits. */
  readonly workerReady?: (turn: Turn, phase: PhaseOf<Tag>) => void;
  /** A worker is gone: others get its unfinished work. */
  readonly workerLost?: (turn: Turn, phase: PhaseOf<Tag>, worker: string) => void;
  /** A worker settled a share. Returns why this counts as a failure of the worker, or null. */
  readonly shareSettled?: (turn: Turn, phase: PhaseOf<Tag>, worker: string, share: Share) => string | null;
  /** True: the phase keeps the worker and tries again later. */
  readonly storeOutage?: (turn: Turn, phase: PhaseOf<Tag>, outage: StoreOutage) => boolean;
  /** A person stops the run, or this process has to end. Without a handler the phase goes on; a commit stops after it. */
  readonly stop?: (turn: Turn, phase: PhaseOf<Tag>, outcome: Outcome) => void;
  /** A heartbeat says how far a worker is. */
  readonly progress?: (
    turn: Turn,
    phase: PhaseOf<Tag>,
    worker: string,
    heartbeat: BodyOf<"heartbeat">,
  ) => void;
  /** What follows from the state after any event: decisions that were waiting for it. */
  readonly settle?: (turn: Turn, phase: PhaseOf<Tag>) => void;
}
