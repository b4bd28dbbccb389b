/** The handlers of every phase, and the one place where an event meets the phase that the run is in. */
import type { WorkerBody } from "../../../shared/grpc/control-messages.js";
import type { CoreEvent } from "../events.js";
import type { CoreState, Outcome, Phase, PhaseTag } from "../state.js";
import type { Turn } from "../turn.js";
import type { Share } from "../work.js";
import { committing } from "./committing.js";
import { evaluating } from "./evaluating.js";
import { exporting } from "./exporting.js";
import { gathering } from "./gathering.js";
import { initialising } from "./initialising.js";
import type { PhaseAnswer, PhaseEvent, PhaseHandlers, StoreOutage } from "./phase-handlers.js";
import { publishing } from "./publishing.js";
import { restoring } from "./restoring.js";
import { saving } from "./saving.js";
import { training } from "./training.js";

const phases: { readonly [Tag in PhaseTag]: PhaseHandlers<Tag> } = {
  gathering,
  initialising,
  restoring,
  saving,
  training,
  committing,
  evaluating,
  exporting,
  publishing,
  ended: {},
};

/**
 * The handlers of the phase that the run is in. TypeScript can't see that `phase` has the type that the handlers of
 * `phase.tag` take; this is the only place that says so.
 */
function handlersOf(phase: Phase): PhaseHandlers<PhaseTag> {
  return phases[phase.tag] as unknown as PhaseHandlers<PhaseTag>;
}

/** An answer of a worker. One that the phase does not expect is dropped and counted. */
export function answerToPhase(
  turn: Turn,
  worker: string,
  body: Extract<WorkerBody, { kind: PhaseAnswer }>,
): void {
  const { phase } = turn.state;
  const handler = handlersOf(phase)[body.kind] as
    | ((turn: Turn, phase: Phase, worker: string, body: WorkerBody) => void)
    | undefined;
  if (handler === undefined) return turn.drop(worker, whyMisplaced(turn.state, body));
  handler(turn, phase, worker, body);
}

/** Answers to a step that is over are late; the others should not have come at all. */
function whyMisplaced({ progress }: CoreState, body: Extract<WorkerBody, { kind: PhaseAnswer }>): string {
  if (body.kind === "exported") return "misplaced";
  return body.kind === "damaged" && body.step === progress.step ? "misplaced" : "stale step";
}

/** An answer of a reducer or of the store. A phase that does not expect it ignores it. */
export function eventToPhase(turn: Turn, event: Extract<CoreEvent, { tag: PhaseEvent }>): void {
  const { phase } = turn.state;
  const handler = handlersOf(phase)[event.tag] as
    | ((turn: Turn, phase: Phase, event: CoreEvent) => void)
    | undefined;
  handler?.(turn, phase, event);
}

export function readyToPhase(turn: Turn): void {
  const { phase } = turn.state;
  handlersOf(phase).workerReady?.(turn, phase);
}

export function progressToPhase(
  turn: Turn,
  worker: string,
  heartbeat: Extract<WorkerBody, { kind: "heartbeat" }>,
): void {
  const { phase } = turn.state;
  handlersOf(phase).progress?.(turn, phase, worker, heartbeat);
}

export function lossToPhase(turn: Turn, worker: string): void {
  const { phase } = turn.state;
  handlersOf(phase).workerLost?.(turn, phase, worker);
}

/** Returns why the settled share counts as a failure of the worker, or null. */
export function settledToPhase(turn: Turn, worker: string, share: Share): string | null {
  const { phase } = turn.state;
  return handlersOf(phase).shareSettled?.(turn, phase, worker, share) ?? null;
}

/** True: the phase keeps the worker and tries again later. */
export function outageToPhase(turn: Turn, outage: StoreOutage): boolean {
  const { phase } = turn.state;
  return handlersOf(phase).storeOutage?.(turn, phase, outage) ?? false;
}

export function stopPhase(turn: Turn, outcome: Outcome): void {
  const { phase } = turn.state;
  handlersOf(phase).stop?.(turn, phase, outcome);
}

/** Decisions of the phase that were waiting for the last event. */
export function settlePhase(turn: Turn): void {
  const { phase } = turn.state;
  handlersOf(phase).settle?.(turn, phase);
}
