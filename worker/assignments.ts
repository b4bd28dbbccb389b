/**
 * How a worker carries out each assignment: initialise, gradients, evaluate, export. One at a time. What the
 * coordinator has gone past is given up as soon as that is known.
 */

import { laneRange, stepShare } from "../dataset/lanes.js";
import type { Clock } from "../shared/clock.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { bytesOf, float32From } from "../shared/grpc/numbers.js";
import { limits } from "../shared/limits.js";
import type { WorkerMetrics, WorkerPhase } from "../shared/metrics.js";
import { samplesPerLane } from "../shared/spec.js";
import { coverOf, lanesBelow } from "../shared/tree.js";
import { TreeSum } from "../shared/tree-sum.js";
import type { ControlStream } from "./control-stream.js";
import type { LaneOutcome } from "./lane.js";
import type { PartialsSink, WeightsSource } from "./surroundings.js";
import type { Weights } from "./weights.js";
import type { Workplace } from "./workplace.js";

type Gradients = Extract<CoordinatorBody, { kind: "gradients" }>;
type Evaluate = Extract<CoordinatorBody, { kind: "evaluate" }>;

/** What is open between this worker and one generation of the coordinator. */
export interface Session {
  readonly control: ControlStream;
  readonly weights: WeightsSource;
  readonly partials: PartialsSink;
  readonly metrics: WorkerMetrics;
  readonly clock: Clock;
  /** The newest step that the coordinator spoke of; older work is given up. */
  newestStep: number;
  /** What the heartbeat says. */
  phase: string;
}

/** Runs `work` as a phase that heartbeats name and metrics time. */
async function during<T>(session: Session, phase: WorkerPhase, work: () => Promise<T>): Promise<T> {
  session.phase = phase;
  const startedMs = session.clock.nowMs();
  try {
    return await work();
  } finally {
    session.metrics.observePhase(phase, (session.clock.nowMs() - startedMs) / 1000);
    session.phase = "idle";
  }
}

export async function initialise(place: Workplace, session: Session): Promise<void> {
  const { output } = await during(session, "compute", () =>
    place.engine.call("initialise", { seed: place.spec.seed }),
  );
  await during(session, "upload", () => session.partials.sendInitial(output));
  session.control.send({ kind: "initialised" });
}

/** A step's lanes on weights version `step`, node by node: compute, sum along the tree, upload, record. */
export async function computeGradients(place: Workplace, session: Session, task: Gradients): Promise<void> {
  const present = presentLanes(place, task.stepInEpoch);
  const nodes = coverOf(new Set(task.lanes), present, place.spec.lanes);
  place.batches.prefetch(task, task.lanes);
  const weights = await during(session, "download", () => session.weights.at(task.step));
  await useWeights(place, weights, new Float32Array(place.layout.statisticsCount));
  const uploads: Promise<void>[] = [];
  for (const node of nodes) {
    const sum = new TreeSum(place.spec.lanes, present);
    const lanes: ComputedLane[] = [];
    for (const lane of lanesBelow(node, present)) {
      if (task.step < session.newestStep) return;
      const { gradient, ...computed } = await computeLane(place, session, task, lane);
      if (computed.finite) sum.add({ begin: lane, end: lane + 1 }, gradient);
      lanes.push(computed);
    }
    const upload = sendNode(session, task.step, sum, lanes);
    upload.catch(() => undefined); // awaited below, while the next node is computed
    uploads.push(upload);
  }
  await during(session, "upload", () => Promise.all(uploads));
  session.metrics.steps.inc();
  session.metrics.lanes.set(task.lanes.length);
  await observeMemory(place, session.metrics);
}

/** What the worker holds: decoded pixels and the engine's tensors. The engine is asked between steps only. */
async function observeMemory(place: Workplace, metrics: WorkerMetrics): Promise<void> {
  const loaders = [place.training, place.validation];
  const sum = (of: (loader: (typeof loaders)[number]) => number) =>
    loaders.reduce((total, one) => total + of(one), 0);
  metrics.cacheBytes.set(sum((loader) => loader.heldBytes));
  setCounter(
    metrics.cacheHits,
    sum((loader) => loader.counters.cacheHits),
  );
  setCounter(
    metrics.cacheMisses,
    sum((loader) => loader.counters.decoded),
  );
  metrics.engineTensors.set((await place.engine.call("tensorCount", {})).output);
}

/** Counters that are kept elsewhere since the start. */
function setCounter(counter: WorkerMetrics["cacheHits"], value: number): void {
  counter.reset();
  counter.inc(value);
}

/** What is kept of a lane once its gradient is in the node's sum. */
type ComputedLane = Omit<LaneOutcome, "gradient"> & { readonly lane: number; readonly seconds: number };

async function computeLane(place: Workplace, session: Session, task: Gradients, lane: number) {
  const batches = await during(session, "fetch", () => place.batches.of({ ...task, lane }));
  const { output, seconds } = await during(session, "compute", () => place.engine.call("lane", { batches }));
  session.metrics.samples.inc(output.samples);
  return { ...output, lane, seconds };
}

/** A lane that is not finite is recorded and not added: then the sum is several parts, those around it. */
async function sendNode(session: Session, step: number, sum: TreeSum, lanes: readonly ComputedLane[]) {
  for (const part of sum.parts) await session.partials.send(step, part.node, part.sum);
  for (const lane of lanes) record(session, step, lane);
}

function record(session: Session, step: number, computed: ComputedLane): void {
  const { lane, samples, finite, lossSum, correct, statistics, seconds } = computed;
  session.control.send({
    kind: "laneRecord",
    step,
    lane,
    samples,
    finite,
    lossSum: Number.isFinite(lossSum) ? lossSum : 0,
    correct,
    statistics: finite ? bytesOf(statistics) : new Uint8Array(0),
    computeSeconds: seconds,
    attempt: 0,
  });
}

function presentLanes(place: Workplace, stepInEpoch: number): ReadonlySet<number> {
  const { spec, manifest } = place;
  const present = new Set<number>();
  for (let lane = 0; lane < spec.lanes; lane += 1) {
    const range = laneRange(lane, spec.lanes, manifest.splits.train.samples);
    if (stepShare(range.end - range.begin, samplesPerLane(spec), stepInEpoch) > 0) present.add(lane);
  }
  return present;
}

async function useWeights(place: Workplace, weights: Weights, statistics: Float32Array): Promise<void> {
  try {
    await place.engine.call("setWeights", { parameters: weights.parameters, statistics });
  } finally {
    weights.release();
  }
}

/** Blocks of the validation split on the commit's weights and published statistics; all reads start at once. */
export async function evaluateBlocks(place: Workplace, session: Session, task: Evaluate): Promise<void> {
  const reads = task.blocks.map((block) => ({
    block,
    batch: place.validation.batch(blockSamples(place, block)),
  }));
  for (const { batch } of reads) batch.catch(() => undefined); // awaited below, one after another
  const weights = await during(session, "download", () => session.weights.at(task.step));
  await useWeights(place, weights, float32From(task.statistics));
  for (const { block, batch } of reads) {
    const { images, labels } = await during(session, "fetch", () => batch);
    const { output } = await during(session, "compute", () => place.engine.call("block", { images, labels }));
    session.control.send({ kind: "blockResult", step: task.step, block, ...output });
    session.metrics.evaluated.inc(labels.length);
  }
}

function blockSamples(place: Workplace, block: number): Uint32Array {
  const begin = block * limits.evaluationBlock;
  const end = Math.min(begin + limits.evaluationBlock, place.manifest.splits.validation.samples);
  return Uint32Array.from({ length: end - begin }, (_, i) => begin + i);
}

export async function exportCheckpoint(
  place: Workplace,
  session: Session,
  checkpoint: string,
): Promise<void> {
  const paths = await during(session, "upload", () => place.publish(checkpoint, session.control.generation));
  session.control.send({ kind: "exported", checkpoint, paths });
}
