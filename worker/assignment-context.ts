/**
 * What is open between this worker and one generation of the coordinator, as assignments use it, and what every
 * assignment does with it: work in a phase, wait for pictures, take the weights of a step, give up what is over.
 */
import type { ImageLoader } from "../dataset/image-loader.js";
import type { Clock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import type { Wire } from "../shared/grpc/wire.js";
import { roundToBfloat16 } from "../shared/kernels/bfloat16.js";
import type { WorkerMetrics, WorkerPhase } from "../shared/metrics.js";
import { type Span, traced } from "../shared/tracing.js";
import type { ControlStream } from "./control-stream.js";
import type { PartialsSink, WeightsSource } from "./dependencies.js";
import type { Phase, Phases } from "./phases.js";
import type { PreparedRun } from "./prepared-run.js";
import type { StepAttempt, Watermark } from "./watermark.js";
import type { Weights } from "./weights-receiver.js";

export interface AssignmentContext {
  readonly control: Pick<ControlStream, "send" | "generation">;
  readonly weights: WeightsSource;
  readonly partials: PartialsSink;
  readonly metrics: WorkerMetrics;
  readonly clock: Clock;
  /** What lies behind it is given up. */
  readonly watermark: Watermark;
  readonly phases: Phases;
  /** Of the assignment that is carried out. */
  readonly span: Span;
}

/** Runs `work` as a phase that heartbeats name and metrics time. */
export async function during<T>(
  session: AssignmentContext,
  phase: WorkerPhase & Phase,
  work: () => Promise<T>,
): Promise<T> {
  session.phases.enter(phase);
  const startedMs = session.clock.nowMs();
  try {
    return await work();
  } finally {
    session.metrics.observePhase(phase, (session.clock.nowMs() - startedMs) / 1000);
    session.phases.enter("idle");
  }
}

type Loader = Pick<ImageLoader, "isReading" | "counters">;

/**
 * Waits for pictures. Heartbeats say "fetch" while the loader waits for the store, else what is left is decoding; the
 * metrics share the wait out as the loader's own time was.
 */
export async function loading<T>(
  session: AssignmentContext,
  loader: Loader,
  work: () => Promise<T>,
): Promise<T> {
  const { fetchSeconds, decodeSeconds } = loader.counters;
  const beganMs = session.clock.nowMs();
  session.phases.enter(() => (loader.isReading ? "fetch" : "decode"));
  try {
    return await work();
  } finally {
    session.phases.enter("idle");
    const waited = (session.clock.nowMs() - beganMs) / 1000;
    const [fetched, decoded] = [
      loader.counters.fetchSeconds - fetchSeconds,
      loader.counters.decodeSeconds - decodeSeconds,
    ];
    const share = fetched + decoded > 0 ? fetched / (fetched + decoded) : 1;
    session.metrics.observePhase("fetch", waited * share);
    session.metrics.observePhase("decode", waited * (1 - share));
  }
}

/** Errors: INTERRUPTED, which ends an assignment without a word. */
export function giveUpIfOver({ watermark }: AssignmentContext, at: StepAttempt): void {
  if (watermark.isOver(at)) throw new TrainyardError("INTERRUPTED", `step ${at.step} is over`);
}

/**
 * Puts weights version `at.step` into the engine: as the run's wire has them, to train from, or exact ones to evaluate.
 * Errors: INTERRUPTED when nobody waits for it any more; DAMAGED when exact ones were due and didn't come.
 */
export async function useWeights(
  place: PreparedRun,
  session: AssignmentContext,
  at: StepAttempt,
  statistics: Float32Array,
  use: "train" | "evaluate",
): Promise<void> {
  giveUpIfOver(session, at);
  const weights = await traced(session.span, "weights.wait", { version: at.step }, () =>
    during(session, "download", () => session.weights.at(at.step)),
  );
  try {
    giveUpIfOver(session, at);
    const parameters = use === "train" ? asSent(weights, place.spec.wire) : exactOf(weights);
    await place.engine.call("setWeights", { parameters, statistics });
  } finally {
    weights.release();
  }
}

/** An epoch's first step starts from weights that came exact, for the evaluation: from the same bits as if they hadn't. */
function asSent({ parameters, exact }: Weights, wire: Wire): Float32Array {
  if (wire === "float32" || !exact) return parameters;
  const rounded = new Float32Array(new SharedArrayBuffer(parameters.byteLength));
  rounded.set(parameters);
  roundToBfloat16(rounded);
  return rounded;
}

function exactOf({ parameters, exact, step }: Weights): Float32Array {
  if (exact) return parameters;
  throw new TrainyardError("DAMAGED", `weights ${step} are to be evaluated, but came rounded to bfloat16`);
}
