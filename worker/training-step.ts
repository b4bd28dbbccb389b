/**
 * One worker's part of training step n, in the order of the mathematics. The step's lanes are fixed parts of the global
 * batch; this worker has some of them. See docs/design/mathematics-of-a-lane.md and docs/design/lanes-and-tree.md.
 *
 * 1. Wait for weights version n and set them.
 * 2. For each lane: read its micro-batches; forward, loss, backward; sum their gradients (lane.ts, in the engine's thread).
 * 3. Add the lanes' finite gradients along the summation tree, up to the nodes that it sends.
 * 4. Upload each node's sum to every slice of the parameter vector.
 * 5. Once all slices have acknowledged it, send the record of each lane.
 */
import { DamagedSampleError } from "../dataset/damaged-sample-error.js";
import type { MicroBatch } from "../engine/engine.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { bytesOf } from "../shared/grpc/numbers.js";
import { lanesBelow, nodesToSend, type TreeNode } from "../shared/tree.js";
import { arithmeticOf, TreeSum } from "../shared/tree-sum.js";
import { type AssignmentContext, giveUpIfOver, inPhase, stage } from "./assignment-context.js";
import type { StepPlace } from "./batches.js";
import { reportDamage } from "./damage-report.js";
import type { LaneOutcome } from "./lane.js";
import { observeMemory } from "./memory-metrics.js";
import { setTrainingWeights } from "./set-weights.js";
import type { StepAttempt } from "./step-watermark.js";

type StepTask = Extract<CoordinatorBody, { kind: "gradients" | "audit" }>;
type GradientTask = Extract<CoordinatorBody, { kind: "gradients" }>;

/** A step, which attempt at it this is, and the lanes that have samples in it. */
export interface Step extends StepPlace {
  readonly attempt: number;
  readonly present: ReadonlySet<number>;
}

/** What is kept of a lane once its gradient is in the node's sum. */
export type ComputedLane = Omit<LaneOutcome, "gradient"> & {
  readonly lane: number;
  readonly seconds: number;
};

/** The sum of a tree node's lanes. Where a lane is missing or not finite, the sum is several parts, those around it. */
export interface NodeSum {
  readonly sum: TreeSum;
  readonly lanes: readonly ComputedLane[];
  /** True when every present lane of the node is in the sum. */
  readonly isWhole: boolean;
}

export function stepOf({ run }: AssignmentContext, task: StepTask): Step {
  const { step, attempt, epoch, stepInEpoch } = task;
  const at = { step, epoch, stepInEpoch, excluded: new Set(task.excluded), attempt };
  const shares = run.batches.shares(at);
  return { ...at, present: new Set(shares.flatMap((share, lane) => (share > 0 ? [lane] : []))) };
}

/**
 * Computes the lanes of a `gradients` assignment. A node goes up while the next one is computed. Errors: INTERRUPTED when
 * the coordinator has gone past the step.
 */
export async function trainStep(context: AssignmentContext, task: GradientTask): Promise<void> {
  const { run, watermark, metrics } = context;
  const step = stepOf(context, task);
  giveUpIfOver(context, step);
  run.batches.prefetch(step, task.lanes); // images are read while the weights come down
  await setTrainingWeights(context, step);
  const uploads: Promise<void>[] = [];
  try {
    for (const node of nodesToSend(new Set(task.lanes), step.present, run.spec.lanes)) {
      const upload = uploadNode(context, step, await sumNode(context, step, node));
      upload.catch(() => undefined); // awaited below, while the next node is computed
      uploads.push(upload);
    }
    await inPhase(context, "upload", () => Promise.all(uploads));
  } finally {
    // No record may follow the end of the assignment; those of a step that is over are not sent.
    if (!watermark.isOver(step)) await Promise.allSettled(uploads);
  }
  metrics.steps.inc();
  metrics.lanes.set(task.lanes.length);
  await observeMemory(run, metrics);
}

/**
 * Computes a node's lanes and adds them along the tree; a gradient is added while the engine computes the next lane. A
 * lane that can't be read is reported and left out, so that the others are still of use.
 */
export async function sumNode(context: AssignmentContext, step: Step, node: TreeNode): Promise<NodeSum> {
  const { spec } = context.run;
  const sum = new TreeSum(spec.lanes, step.present, arithmeticOf(spec.wire));
  const lanes: ComputedLane[] = [];
  const below = lanesBelow(node, step.present);
  let addFormer: () => void = () => undefined;
  for (const lane of below) {
    const batches = await readLane(context, step, lane);
    if (batches === null) {
      context.progress.advance();
      continue;
    }
    const computing = computeLane(context, step, lane, batches);
    addFormer(); // the engine has its call and computes meanwhile
    addFormer = () => undefined;
    const { gradient, ...computed } = await computing;
    context.progress.advance();
    if (computed.finite) addFormer = () => void sum.add({ begin: lane, end: lane + 1 }, gradient);
    lanes.push(computed);
  }
  addFormer();
  const isWhole = lanes.length === below.length && lanes.every((lane) => lane.finite);
  return { sum, lanes, isWhole };
}

/** A lane's micro-batches. Null when samples of it are damaged, which is reported to the coordinator. */
async function readLane(context: AssignmentContext, step: Step, lane: number): Promise<MicroBatch[] | null> {
  const { batches, training: loader } = context.run;
  const place = { ...step, lane };
  const reading = { span: "batch.wait", attributes: { lane }, phase: loader, at: step } as const;
  try {
    return await stage(context, reading, () => batches.of(place));
  } catch (caught) {
    if (!(caught instanceof DamagedSampleError)) throw caught;
    reportDamage(context, caught, { ...step, split: "train", samples: batches.samplesOf(place), loader });
    return null;
  }
}

/** Forward, loss and backward of a lane's micro-batches, and their sum. The engine has the call when this returns. */
async function computeLane(context: AssignmentContext, step: Step, lane: number, batches: MicroBatch[]) {
  const { run, metrics } = context;
  const computing = { span: "compute", attributes: { lane }, phase: "compute", at: step } as const;
  const { output, seconds } = await stage(context, computing, (over) =>
    run.engine.call("lane", { batches, over }),
  );
  metrics.samples.inc(output.samples);
  return { ...output, lane, seconds };
}

/** Sends a node's sum to every slice and, once they have acknowledged it, the records of its lanes. */
async function uploadNode(context: AssignmentContext, step: Step, { sum, lanes }: NodeSum): Promise<void> {
  for (const part of sum.parts) {
    const uploading = {
      span: "upload",
      attributes: lanesOf(part.node),
      phase: "background",
      at: step,
    } as const;
    await stage(context, uploading, () => context.partials.send(step, part.node, part.sum));
  }
  giveUpIfOver(context, step);
  for (const lane of lanes) record(context, step, lane);
}

/** A partial's lanes, as its span shows them. */
export const lanesOf = ({ begin, end }: TreeNode) => ({ "lanes.begin": begin, "lanes.end": end });

/** Tells the coordinator what became of a lane. A lane that is not finite is recorded too, without its numbers. */
function record(
  { control }: AssignmentContext,
  { step, attempt }: StepAttempt,
  computed: ComputedLane,
): void {
  const { lane, samples, finite, lossSum, correct, statistics, seconds } = computed;
  control.send({
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
