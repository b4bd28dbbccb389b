/**
 * How a worker carries out each assignment: initialise, gradients, evaluate, export. One at a time. What the
 * coordinator has gone past is given up as soon as that is known.
 */

import { laneRange } from "../dataset/lanes.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { bytesOf, float32From } from "../shared/grpc/numbers.js";
import { limits } from "../shared/limits.js";
import type { WorkerMetrics, WorkerPhase } from "../shared/metrics.js";
import { samplesPerLane } from "../shared/spec.js";
import { coverOf, lanesBelow, sumAlongTree } from "../shared/tree.js";
import type { ControlStream } from "./control-stream.js";
import type { LaneOutcome } from "./lane.js";
import type { PartialsSender } from "./partials.js";
import { publishCheckpoint } from "./publish.js";
import type { Weights, WeightsReceiver } from "./weights.js";
import type { Workplace } from "./workplace.js";

type Gradients = Extract<CoordinatorBody, { kind: "gradients" }>;
type Evaluate = Extract<CoordinatorBody, { kind: "evaluate" }>;

/** What is open between this worker and one generation of the coordinator. */
export interface Session {
  readonly control: ControlStream;
  readonly weights: WeightsReceiver;
  readonly partials: PartialsSender;
  readonly metrics: WorkerMetrics;
  /** The newest step that the coordinator spoke of; older work is given up. */
  newestStep: number;
  /** What the heartbeat says. */
  phase: string;
}

/** Runs `work` as a phase that heartbeats name and metrics time. */
async function during<T>(session: Session, phase: WorkerPhase, work: () => Promise<T>): Promise<T> {
  session.phase = phase;
  const startedMs = performance.now();
  try {
    return await work();
  } finally {
    session.metrics.observePhase(phase, (performance.now() - startedMs) / 1000);
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
    const lanes = new Map<number, LaneOutcome & { seconds: number }>();
    for (const lane of lanesBelow(node, present)) {
      if (task.step < session.newestStep) return;
      lanes.set(lane, await computeLane(place, session, task, lane));
    }
    const upload = sendNode(place, session, task, node, lanes);
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

async function computeLane(place: Workplace, session: Session, task: Gradients, lane: number) {
  const batches = await during(session, "fetch", () => place.batches.of({ ...task, lane }));
  const { output, seconds } = await during(session, "compute", () => place.engine.call("lane", { batches }));
  session.metrics.samples.inc(output.samples);
  return { ...output, seconds };
}

/** A lane that is not finite is recorded and not added; its node then falls apart into the lanes that are. */
async function sendNode(
  place: Workplace,
  session: Session,
  task: Gradients,
  node: { begin: number; end: number },
  lanes: ReadonlyMap<number, LaneOutcome & { seconds: number }>,
): Promise<void> {
  const finite = new Set([...lanes].filter(([, outcome]) => outcome.finite).map(([lane]) => lane));
  const present = presentLanes(place, task.stepInEpoch);
  const parts = finite.size === lanes.size ? [node] : coverOf(finite, present, place.spec.lanes);
  for (const part of parts) {
    const sum = sumAlongTree(part, (lane) => lanes.get(lane)?.gradient);
    if (sum !== undefined) await session.partials.send(task.step, part, sum);
  }
  for (const [lane, outcome] of lanes) record(session, task.step, lane, outcome);
}

function record(
  session: Session,
  step: number,
  lane: number,
  outcome: LaneOutcome & { seconds: number },
): void {
  const { samples, finite, lossSum, correct, statistics, seconds } = outcome;
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
  });
}

function presentLanes(place: Workplace, stepInEpoch: number): ReadonlySet<number> {
  const { spec, manifest } = place;
  const present = new Set<number>();
  for (let lane = 0; lane < spec.lanes; lane += 1) {
    const range = laneRange(lane, spec.lanes, manifest.splits.train.samples);
    if (range.end - range.begin > stepInEpoch * samplesPerLane(spec)) present.add(lane);
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
  const paths = await during(session, "upload", () => publishCheckpoint(place, checkpoint));
  session.control.send({ kind: "exported", checkpoint, paths });
}
