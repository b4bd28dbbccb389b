/**
 * Blocks of the validation split, evaluated on a commit's weights and published statistics. The first blocks are read
 * while the weights come down, the next ones while blocks are computed, within limits.prefetchBytes.
 */
import { DamagedSampleError } from "../dataset/damaged-sample-error.js";
import type { ImageBatch } from "../dataset/image-loader.js";
import { evaluationBlock } from "../dataset/sample-order.js";
import type { CoordinatorBody } from "../shared/grpc/control-messages.js";
import { float32From } from "../shared/grpc/numbers.js";
import { limits } from "../shared/limits.js";
import { type ImageSpec, imageBytesOf } from "../shared/spec.js";
import { type AssignmentContext, giveUpIfOver, stage } from "./assignment-context.js";
import { reportDamage } from "./damage-report.js";
import type { BlockOutcome } from "./engine-calls.js";
import { setEvaluationWeights } from "./set-weights.js";
import { evaluationOf, type StepAttempt } from "./step-watermark.js";

type EvaluateTask = Extract<CoordinatorBody, { kind: "evaluate" }>;

/** A block whose images are read, or being read. */
interface ReadBlock {
  readonly block: number;
  readonly samples: Uint32Array;
  readonly batch: Promise<ImageBatch>;
}

/** Sends the result of each block. A block that can't be read is reported, and the others go on. */
export async function evaluateBlocks(context: AssignmentContext, task: EvaluateTask): Promise<void> {
  const { run } = context;
  const at = evaluationOf(task.step);
  giveUpIfOver(context, at);
  const excluded = new Set(task.excluded);
  const read = (block: number): ReadBlock => {
    const samples = evaluationBlock(block, run.manifest.splits.validation.samples, excluded);
    const batch = run.validation.batch(samples);
    batch.catch(() => undefined); // awaited below, one after another
    return { block, samples, batch };
  };
  const left = [...task.blocks];
  const reads = left.splice(0, blocksAhead(run.spec.image)).map(read);
  await setEvaluationWeights(context, at, float32From(task.statistics));
  for (let next = reads.shift(); next !== undefined; next = reads.shift()) {
    reads.push(...left.splice(0, 1).map(read));
    await evaluateBlock(context, at, next);
  }
}

/** Blocks whose images are held at a time; at least two, so that one is read while one is computed. */
function blocksAhead(image: ImageSpec): number {
  const blockBytes = limits.evaluationBlock * imageBytesOf(image);
  return Math.max(2, Math.floor(limits.prefetchBytes / blockBytes));
}

async function evaluateBlock(context: AssignmentContext, at: StepAttempt, read: ReadBlock): Promise<void> {
  const { run, control, metrics } = context;
  const { step } = at;
  const { block, samples, batch } = read;
  const reading = { span: "batch.wait", attributes: { block }, phase: run.validation, at } as const;
  try {
    const outcome = await computeBlock(context, at, block, await stage(context, reading, () => batch));
    control.send({ kind: "blockResult", step, block, ...outcome });
    metrics.evaluated.inc(samples.length);
  } catch (caught) {
    if (!(caught instanceof DamagedSampleError)) throw caught;
    const where = { step, attempt: 0, split: "validation", samples, loader: run.validation } as const;
    reportDamage(context, caught, where);
  }
}

/** The loss and the predicted classes of a block. A block whose samples are all excluded needs no engine. */
async function computeBlock(
  context: AssignmentContext,
  at: StepAttempt,
  block: number,
  { images, labels }: ImageBatch,
): Promise<BlockOutcome> {
  if (labels.length === 0) return { lossSum: 0, predicted: [] };
  const computing = { span: "compute", attributes: { block }, phase: "compute", at } as const;
  const { output } = await stage(context, computing, () =>
    context.run.engine.call("block", { images, labels }),
  );
  return output;
}
