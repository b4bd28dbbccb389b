/**
 * How many lanes a global batch gets, and what that means in words. Never from the number of workers: that would change
 * the bits (docs/design/lanes-and-tree.md).
 */
import { TrainyardError } from "../shared/errors.js";
import { microBatchSize, type RunSpec } from "../shared/spec.js";

const mostByDefault = 8;
/** Smaller micro-batches waste the engine and make batch norm noisy. */
const smallestMicroBatch = 16;

/**
 * The lanes asked for, or the largest power of two up to 8 that leaves micro-batches of at least 16.
 * Errors: USAGE when the batch is no multiple of lanes x accumulation, with the two nearest sizes that are.
 */
export function chooseLanes(batchSize: number, accumulation: number, asked?: number): number {
  const lanes = asked ?? defaultLanes(batchSize, accumulation);
  const unit = lanes * accumulation;
  if (batchSize % unit === 0) return lanes;
  const below = Math.max(1, Math.floor(batchSize / unit)) * unit;
  const product = accumulation === 1 ? `${lanes} lanes` : `${lanes} lanes x --accumulate ${accumulation}`;
  throw new TrainyardError(
    "USAGE",
    `--batch-size ${batchSize} is no multiple of ${product}; use ${below} or ${below + unit}`,
  );
}

function defaultLanes(batchSize: number, accumulation: number): number {
  let lanes = 1;
  for (let more = 2; more <= mostByDefault; more *= 2) {
    const microBatch = batchSize / (more * accumulation);
    if (microBatch >= smallestMicroBatch && Number.isInteger(microBatch)) lanes = more;
  }
  return lanes;
}

/** What the user should read before the run starts: lanes and what they allow, and how rarely weights are exchanged. */
export function explainLanes(spec: RunSpec): string {
  const lanes =
    spec.lanes === 1
      ? "1 lane: one worker computes"
      : `${spec.lanes} lanes: at most ${spec.lanes} workers compute`;
  const calls = spec.accumulation === 1 ? "" : `, ${spec.accumulation} to a gradient`;
  const micro = `micro-batches of ${microBatchSize(spec)}${calls}`;
  const largeEnough = 128 * spec.accumulation;
  const more = spec.lanes < 8 && spec.batchSize < largeEnough ? `; --batch-size ${largeEnough} gives 8` : "";
  return `${lanes} at a time, ${micro}${exchangeInWords(spec)}${more}`;
}

function exchangeInWords({ localSteps, batchSize }: RunSpec): string {
  if (localSteps === null) return "";
  const { count, learningRate } = localSteps;
  const steps = count === 1 ? "each local step" : `${count} local steps`;
  return `; weights are exchanged after ${steps} of SGD ${learningRate} (${count * batchSize} images)`;
}
