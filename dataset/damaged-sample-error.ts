/**
 * The error for samples that can't be read any more: two reads of the store gave bytes that fail their hash or don't
 * decode, or the object that holds them is gone. A worker only reports them; the coordinator decides whether the run
 * goes on without them.
 */
import { TrainyardError } from "../shared/errors.js";

/** One sample that can't be read. */
export interface DamagedSample {
  /** Number of the sample in its split. */
  readonly sample: number;
  /** Key of the shard that holds the sample. */
  readonly key: string;
  /** Whether the shard is missing in the store; then every sample in it is lost. */
  readonly isMissing: boolean;
  /** One sentence with the sample, its source file and what is wrong. */
  readonly reason: string;
}

/** Names every damaged sample of a read. Code NOT_FOUND when all of them lie in missing shards, else DAMAGED. */
export class DamagedSampleError extends TrainyardError {
  /** The damaged samples, at least one; the error's message and fields describe the first. */
  readonly samples: readonly DamagedSample[];

  constructor(
    damage: readonly [DamagedSample, ...DamagedSample[]],
    options: { cause?: unknown; source?: string } = {},
  ) {
    const [{ sample, key, reason }] = damage;
    const more = damage.length === 1 ? "" : `, and ${damage.length - 1} more like it`;
    const { source, ...rest } = options;
    super(damage.every(({ isMissing }) => isMissing) ? "NOT_FOUND" : "DAMAGED", `${reason}${more}`, {
      ...rest,
      fields: { key, sample, ...(source === undefined ? {} : { source }) },
    });
    this.samples = damage;
  }
}

/**
 * Waits for all reads and returns their results. Throws one DamagedSampleError with the damaged samples of all reads.
 * Any other error is thrown instead of it, since it says nothing about the data.
 */
export async function awaitAllReads<T>(reads: readonly Promise<T>[]): Promise<T[]> {
  const damage: DamagedSample[] = [];
  const results: T[] = [];
  for (const read of await Promise.allSettled(reads)) {
    if (read.status === "fulfilled") results.push(read.value);
    else if (read.reason instanceof DamagedSampleError) damage.push(...read.reason.samples);
    else throw read.reason;
  }
  throwIfDamaged(damage);
  return results;
}

/** Throws a DamagedSampleError if any sample is damaged. */
export function throwIfDamaged(damage: readonly DamagedSample[]): void {
  const [first, ...rest] = damage;
  if (first !== undefined) throw new DamagedSampleError([first, ...rest]);
}
