/**
 * Samples that can't be read any more: what was read whole twice fails its hash or does not decode, or the object that
 * holds them is gone. Only named here; whether they are left out is decided by the coordinator (DESIGN 5.8).
 */
import { TrainyardError } from "../shared/errors.js";

export interface DamagedSample {
  /** Of the split. */
  readonly sample: number;
  /** Of the shard that holds it. */
  readonly key: string;
  /** The object is not there: every sample in it is lost. */
  readonly isMissing: boolean;
  /** A sentence: sample, source, and what is wrong. */
  readonly reason: string;
}

/** Code NOT_FOUND when objects are missing and nothing else is wrong, else DAMAGED; fields are the first one's. */
export class DamagedSampleError extends TrainyardError {
  /** At least one. */
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
 * Waits for all reads, so that no damage is missed. Throws any other error first, because it says nothing about the
 * data; else one DamagedSampleError with what all of them found.
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

export function throwIfDamaged(damage: readonly DamagedSample[]): void {
  const [first, ...rest] = damage;
  if (first !== undefined) throw new DamagedSampleError([first, ...rest]);
}
