/**
 * What is open between this worker and one generation of the coordinator, as assignments use it, and the two things
 * that every assignment does with it: work in a phase, and take the weights of a step.
 */
import type { Clock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import type { WorkerMetrics, WorkerPhase } from "../shared/metrics.js";
import type { ControlStream } from "./control-stream.js";
import type { Frontier, StepAttempt } from "./frontier.js";
import type { Phase, Phases } from "./phases.js";
import type { PartialsSink, WeightsSource } from "./surroundings.js";
import type { Workplace } from "./workplace.js";

export interface Session {
  readonly control: Pick<ControlStream, "send" | "generation">;
  readonly weights: WeightsSource;
  readonly partials: PartialsSink;
  readonly metrics: WorkerMetrics;
  readonly clock: Clock;
  /** What lies behind it is given up. */
  readonly frontier: Frontier;
  readonly phases: Phases;
}

/** Runs `work` as a phase that heartbeats name (`shown`, where they can tell more) and metrics time. */
export async function during<T>(
  session: Session,
  phase: WorkerPhase & Phase,
  work: () => Promise<T>,
  shown: Phase | (() => Phase) = phase,
): Promise<T> {
  session.phases.enter(shown);
  const startedMs = session.clock.nowMs();
  try {
    return await work();
  } finally {
    session.metrics.observePhase(phase, (session.clock.nowMs() - startedMs) / 1000);
    session.phases.enter("idle");
  }
}

/** Waits for pictures: while the loader waits for the store it is a fetch, else what is left is decoding. */
export function loading<T>(
  session: Session,
  loader: { readonly isReading: boolean },
  work: () => Promise<T>,
): Promise<T> {
  return during(session, "fetch", work, () => (loader.isReading ? "fetch" : "decode"));
}

/** Errors: INTERRUPTED, which ends an assignment without a word. */
export function giveUpIfOver({ frontier }: Session, at: StepAttempt): void {
  if (frontier.isOver(at)) throw new TrainyardError("INTERRUPTED", `step ${at.step} is over`);
}

/** Puts weights version `at.step` into the engine. Errors: INTERRUPTED when nobody waits for it any more. */
export async function useWeights(
  place: Workplace,
  session: Session,
  at: StepAttempt,
  statistics: Float32Array,
): Promise<void> {
  giveUpIfOver(session, at);
  const weights = await during(session, "download", () => session.weights.at(at.step));
  try {
    giveUpIfOver(session, at);
    await place.engine.call("setWeights", { parameters: weights.parameters, statistics });
  } finally {
    weights.release();
  }
}
