/**
 * Reports damaged samples to the coordinator, one message per object of the store. The worker excludes no sample by
 * itself: the coordinator excludes them and gives the work out anew, so that all workers agree.
 */
import type { DamagedSample, DamagedSampleError } from "../dataset/damaged-sample-error.js";
import type { ImageLoader } from "../dataset/image-loader.js";
import type { SplitName } from "../dataset/manifest.js";
import { oneLine } from "../shared/grpc/texts.js";
import { limits } from "../shared/limits.js";
import type { AssignmentContext } from "./assignment-context.js";

/** The work in which a worker met damaged samples. */
export interface DamageLocation {
  readonly step: number;
  /** 0 in an evaluation. */
  readonly attempt: number;
  readonly split: SplitName;
  /** The samples of the lane's step, or of the block. */
  readonly samples: Uint32Array;
  readonly loader: Pick<ImageLoader, "keyOf">;
}

export function reportDamage(
  { control }: Pick<AssignmentContext, "control">,
  { samples: damage }: DamagedSampleError,
  place: DamageLocation,
): void {
  const { step, attempt, split } = place;
  for (const [key, found] of byKey(damage)) {
    // Samples beyond the limit are met again, and reported, once these are excluded.
    const samples = samplesOf(found, key, place).slice(0, limits.damagedSamples);
    control.send({
      kind: "damaged",
      step,
      attempt,
      split,
      samples,
      key,
      reason: oneLine(reasonOf(found[0], samples)),
    });
  }
}

/** A message lists at most so many other samples of the same object; more are counted. */
const listed = 8;

/** The reason of the object's first damaged sample, followed by the other samples of the object. */
function reasonOf({ sample, reason }: DamagedSample, samples: readonly number[]): string {
  const others = samples.filter((other) => other !== sample);
  if (others.length === 0) return reason;
  if (others.length > listed) return `${reason}, and ${others.length} more in the same object`;
  return `${reason}, and so ${others.length === 1 ? "is" : "are"} ${others.join(", ")} in the same object`;
}

function byKey(damage: readonly DamagedSample[]): Map<string, [DamagedSample, ...DamagedSample[]]> {
  const groups = new Map<string, [DamagedSample, ...DamagedSample[]]>();
  for (const one of damage) {
    const group = groups.get(one.key);
    if (group === undefined) groups.set(one.key, [one]);
    else group.push(one);
  }
  return groups;
}

/** An object's damaged samples. When the object is missing, all of its samples are, even those still decoded in memory. */
function samplesOf(
  found: readonly DamagedSample[],
  key: string,
  { samples, loader }: DamageLocation,
): number[] {
  const lost = found.some(({ isMissing }) => isMissing)
    ? [...samples].filter((sample) => loader.keyOf(sample) === key)
    : found.map(({ sample }) => sample);
  return [...new Set(lost)].sort((a, b) => a - b);
}
