/**
 * A step's work on weights version `step`: lanes become sums along the tree, which go up to every slice. `gradients`
 * are added there and their lanes recorded; an `audit` is only compared.
 */
import { DamagedSampleError } from "../dataset/damaged-sample-error.js";
import type { MicroBatch } from "../engine/engine.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { bytesOf } from "../shared/grpc/numbers.js";
import type { WorkerMetrics } from "../shared/metrics.js";
import { traced } from "../shared/tracing.js";
import { coverOf, lanesBelow, type TreeNode } from "../shared/tree.js";
import { arithmeticOf, TreeSum } from "../shared/tree-sum.js";
import { type AssignmentContext, during, giveUpIfOver, loading, useWeights } from "./assignment-context.js";
import type { StepPlace } from "./batches.js";
import { reportDamage } from "./damage-report.js";
import type { LaneOutcome } from "./lane.js";
import type { PreparedRun } from "./prepared-run.js";
import type { StepAttempt } from "./watermark.js";

type Gradients = Extract<CoordinatorBody, { kind: "gradients" }>;
type Audit = Extract<CoordinatorBody, { kind: "audit" }>;

/** What is kept of a lane once its gradient is in the node's sum. */
type ComputedLane = Omit<LaneOutcome, "gradient"> & { readonly lane: number; readonly seconds: number };

/** A node's lanes: those that are finite are in the sum, in several parts where others are missing between them. */
interface NodeSum {
  readonly sum: TreeSum;
  readonly lanes: readonly ComputedLane[];
  /** Every present lane is in the sum. */
  readonly isWhole: boolean;
}

interface Step extends StepPlace, StepAttempt {
  readonly present: ReadonlySet<number>;
}

function stepOf(place: PreparedRun, task: Gradients | Audit): Step {
  const { step, attempt, epoch, stepInEpoch } = task;
  const at = { step, attempt, epoch, stepInEpoch, excluded: new Set(task.excluded) };
  const shares = place.batches.shares(at);
  return { ...at, present: new Set(shares.flatMap((share, lane) => (share > 0 ? [lane] : []))) };
}

/**
 * Node by node: compute, sum, upload, record; the next node is computed while one goes up. Ends with INTERRUPTED when
 * the coordinator has gone past the step.
 */
export async function computeGradients(
  place: PreparedRun,
  session: AssignmentContext,
  task: Gradients,
): Promise<void> {
  const step = stepOf(place, task);
  giveUpIfOver(session, step);
  place.batches.prefetch(step, task.lanes);
  await useTrainingWeights(place, session, step);
  const uploads: Promise<void>[] = [];
  try {
    for (const node of coverOf(new Set(task.lanes), step.present, place.spec.lanes)) {
      const upload = sendNode(session, step, await sumNode(place, session, step, node));
      upload.catch(() => undefined); // awaited below, while the next node is computed
      uploads.push(upload);
    }
    await during(session, "upload", () => Promise.all(uploads));
  } finally {
    // No record may follow the end of the assignment; those of a step that is over are not sent.
    if (!session.watermark.isOver(step)) await Promise.allSettled(uploads);
  }
  session.metrics.steps.inc();
  session.metrics.lanes.set(task.lanes.length);
  await observeMemory(place, session.metrics);
}

/** Computes a node as for `gradients`, without records. A lane that can't be read ends it: then no answer is sent. */
export async function computeAudit(
  place: PreparedRun,
  session: AssignmentContext,
  task: Audit,
): Promise<void> {
  const step = stepOf(place, task);
  const { beginLane, endLane, attempt } = task;
  const node = { begin: beginLane, end: endLane };
  await useTrainingWeights(place, session, step);
  const { sum, lanes, isWhole } = await sumNode(place, session, step, node);
  const finite = lanes.every((lane) => lane.finite);
  if (finite && !isWhole) return;
  // One part: where a sibling is absent, the tree calls the same sum by its parent's name.
  for (const part of finite ? sum.parts : []) {
    giveUpIfOver(session, step);
    await traced(session.span, "upload", lanesOf(node), () =>
      during(session, "upload", () => session.partials.sendAudit(step, node, part.sum)),
    );
  }
  giveUpIfOver(session, step);
  session.control.send({ kind: "auditDone", step: step.step, beginLane, endLane, finite, attempt });
}

/** Training normalises by the micro-batch, so the moving statistics are not looked at. */
function useTrainingWeights(place: PreparedRun, session: AssignmentContext, step: Step): Promise<void> {
  return useWeights(place, session, step, new Float32Array(place.layout.statisticsCount), "train");
}

/**
 * Lane by lane; a gradient is added while the engine computes the next. A lane that can't be read is reported and left
 * out, so that the others are still of use.
 */
async function sumNode(
  place: PreparedRun,
  session: AssignmentContext,
  step: Step,
  node: TreeNode,
): Promise<NodeSum> {
  const sum = new TreeSum(place.spec.lanes, step.present, arithmeticOf(place.spec.wire));
  const lanes: ComputedLane[] = [];
  const below = lanesBelow(node, step.present);
  let addFormer: () => void = () => undefined;
  for (const lane of below) {
    giveUpIfOver(session, step);
    const batches = await loadLane(place, session, step, lane);
    if (batches === null) continue;
    const computing = computeLane(place, session, step, lane, batches);
    addFormer();
    addFormer = () => undefined;
    const { gradient, ...computed } = await computing;
    if (computed.finite) addFormer = () => void sum.add({ begin: lane, end: lane + 1 }, gradient);
    lanes.push(computed);
  }
  addFormer();
  const isWhole = lanes.length === below.length && lanes.every((lane) => lane.finite);
  return { sum, lanes, isWhole };
}

/** Null: some of its samples are damaged, which the coordinator was told. */
async function loadLane(
  place: PreparedRun,
  session: AssignmentContext,
  step: Step,
  lane: number,
): Promise<MicroBatch[] | null> {
  const at = { ...step, lane };
  try {
    const batches = await traced(session.span, "batch.wait", { lane }, () =>
      loading(session, place.training, () => place.batches.of(at)),
    );
    giveUpIfOver(session, step);
    return batches;
  } catch (caught) {
    if (!(caught instanceof DamagedSampleError)) throw caught;
    const samples = place.batches.samplesOf(at);
    reportDamage(session, caught, { ...step, split: "train", samples, loader: place.training });
    return null;
  }
}

/** The engine has the call when this returns. */
async function computeLane(
  place: PreparedRun,
  session: AssignmentContext,
  step: Step,
  lane: number,
  batches: MicroBatch[],
) {
  const { output, seconds } = await traced(session.span, "compute", { lane }, () =>
    during(session, "compute", () => callEngine(place, session, step, batches)),
  );
  session.metrics.samples.inc(output.samples);
  return { ...output, lane, seconds };
}

/** Errors: INTERRUPTED between two of the lane's calls, as soon as the step is over. */
async function callEngine(place: PreparedRun, session: AssignmentContext, step: Step, batches: MicroBatch[]) {
  const { over, forget } = session.watermark.watch(step);
  try {
    return await place.engine.call("lane", { batches, over });
  } finally {
    forget();
  }
}

/** A lane that is not finite is recorded and not added: then the sum is several parts, those around it. */
async function sendNode(session: AssignmentContext, step: Step, { sum, lanes }: NodeSum): Promise<void> {
  for (const part of sum.parts) {
    giveUpIfOver(session, step);
    await traced(session.span, "upload", lanesOf(part.node), () =>
      session.partials.send(step, part.node, part.sum),
    );
  }
  giveUpIfOver(session, step);
  for (const lane of lanes) record(session, step, lane);
}

/** Of a partial, for its span. */
const lanesOf = ({ begin, end }: TreeNode) => ({ "lanes.begin": begin, "lanes.end": end });

function record(session: AssignmentContext, { step, attempt }: StepAttempt, computed: ComputedLane): void {
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
    attempt,
  });
}

/** What the worker holds: decoded pixels and the engine's tensors. The engine is asked between steps only. */
async function observeMemory(place: PreparedRun, metrics: WorkerMetrics): Promise<void> {
  const loaders = [place.training, place.validation];
  const sum = (of: (loader: (typeof loaders)[number]) => number) =>
    loaders.reduce((total, one) => total + of(one), 0);
  const tiers = {
    memory: { bytes: sum((loader) => loader.heldBytes), hits: sum((loader) => loader.counters.cacheHits) },
    disk: { bytes: sum((loader) => loader.fileBytes), hits: sum((loader) => loader.counters.diskHits) },
  };
  // Counted elsewhere since the start.
  metrics.cacheHits.reset();
  for (const [tier, { bytes, hits }] of Object.entries(tiers)) {
    metrics.cacheBytes.set({ tier }, bytes);
    metrics.cacheHits.inc({ tier }, hits);
  }
  metrics.cacheMisses.reset();
  metrics.cacheMisses.inc(sum((loader) => loader.counters.decoded));
  metrics.engineTensors.set((await place.engine.call("tensorCount", {})).output);
}
