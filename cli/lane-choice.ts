/** How many lanes a global batch gets (DESIGN 5.6). Never from the number of workers: that would change the bits. */
import { TrainyardError } from "../shared/errors.js";

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
