/**
 * What an assignment works with: the prepared run, the streams to one generation of the coordinator, and `stage`, the
 * one wrapper around everything in an assignment that takes time.
 */
import type { ImageLoader } from "../dataset/image-loader.js";
import type { Clock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import type { WorkerMetrics, WorkerPhase } from "../shared/metrics.js";
import { type Span, type SpanAttributes, traced } from "../shared/tracing.js";
import type { ControlStream } from "./control-stream.js";
import type { PartialsSink, WeightsSource } from "./dependencies.js";
import type { Phase, Phases } from "./phases.js";
import type { PreparedRun } from "./prepared-run.js";
import type { ShareProgress } from "./share-progress.js";
import { type StepAttempt, unwatched, type Watermark } from "./step-watermark.js";

export interface AssignmentContext {
  readonly run: PreparedRun;
  readonly control: Pick<ControlStream, "send" | "generation">;
  readonly weights: WeightsSource;
  readonly partials: PartialsSink;
  readonly metrics: WorkerMetrics;
  readonly clock: Clock;
  /** How far the coordinator is. Work on anything before it is given up. */
  readonly watermark: Watermark;
  readonly phases: Phases;
  /** How far the share is that is worked on. */
  readonly progress: ShareProgress;
  /** The assignment's span; the spans of its stages lie below it. */
  readonly span: Span;
}

type Loader = Pick<ImageLoader, "isReading" | "counters">;

/** What heartbeats and metrics say during a stage. */
export type StagePhase =
  | (WorkerPhase & Phase)
  /** Waiting for this loader's images: fetching while it waits for the store, else decoding. */
  | Loader
  /** Nothing: the stage goes on beside others, which are what the worker is doing. */
  | "background";

export interface Stage {
  /** The span's name and attributes. */
  readonly span: "weights.wait" | "batch.wait" | "compute" | "upload";
  readonly attributes?: SpanAttributes;
  readonly phase: StagePhase;
  /** The step that the stage belongs to. Default: none, and the stage is never given up. */
  readonly at?: StepAttempt;
}

/**
 * Runs one stage of an assignment: traced as a span, named by heartbeats, timed by metrics, and not begun once its step
 * is over. `work` begins at once and gets `over`: int32 [1] in shared memory, 1 as soon as the step is over, for code
 * that computes without reading messages. Errors: those of `work`; INTERRUPTED, which ends an assignment silently.
 */
export async function stage<T>(
  context: AssignmentContext,
  { span, attributes = {}, phase, at }: Stage,
  work: (over: Int32Array) => Promise<T>,
): Promise<T> {
  if (at !== undefined) giveUpIfOver(context, at);
  const { over, forget } = at === undefined ? unwatched : context.watermark.watch(at);
  try {
    return await traced(context.span, span, attributes, () => inPhase(context, phase, () => work(over)));
  } finally {
    forget();
  }
}

/** Errors: INTERRUPTED when the coordinator has gone past the step, or the session is over. */
export function giveUpIfOver({ watermark }: AssignmentContext, at: StepAttempt): void {
  if (watermark.isOver(at)) throw new TrainyardError("INTERRUPTED", `step ${at.step} is over`);
}

/** Runs `work`, which begins at once, while heartbeats and metrics say what it is. */
export function inPhase<T>(
  context: AssignmentContext,
  phase: StagePhase,
  work: () => Promise<T>,
): Promise<T> {
  if (phase === "background") return work();
  return typeof phase === "string" ? timed(context, phase, work) : waitForImages(context, phase, work);
}

async function timed<T>(
  { phases, metrics, clock }: AssignmentContext,
  phase: WorkerPhase & Phase,
  work: () => Promise<T>,
): Promise<T> {
  phases.enter(phase);
  const startedMs = clock.nowMs();
  try {
    return await work();
  } finally {
    metrics.observePhase(phase, (clock.nowMs() - startedMs) / 1000);
    phases.enter("idle");
  }
}

/** The metrics divide the wait between fetching and decoding as the loader's own time was divided. */
async function waitForImages<T>(
  { phases, metrics, clock }: AssignmentContext,
  loader: Loader,
  work: () => Promise<T>,
): Promise<T> {
  const before = { ...loader.counters };
  const startedMs = clock.nowMs();
  phases.enter(() => (loader.isReading ? "fetch" : "decode"));
  try {
    return await work();
  } finally {
    phases.enter("idle");
    const seconds = (clock.nowMs() - startedMs) / 1000;
    const fetched = loader.counters.fetchSeconds - before.fetchSeconds;
    const decoded = loader.counters.decodeSeconds - before.decodeSeconds;
    const share = fetched + decoded > 0 ? fetched / (fetched + decoded) : 1;
    metrics.observePhase("fetch", seconds * share);
    metrics.observePhase("decode", seconds * (1 - share));
  }
}
