/**
 * Tells the coordinator which samples can't be read any more. The worker leaves none out by itself: it names them, one
 * message per object, and the coordinator hands the work out anew.
 */
import type { DamagedSample, DamagedSampleError } from "../dataset/damaged-sample-error.js";
import type { ImageLoader } from "../dataset/image-loader.js";
import type { SplitName } from "../dataset/manifest.js";
import { oneLine } from "../shared/grpc/texts.js";
import { asSampleIndex } from "../shared/ids.js";
import { limits } from "../shared/limits.js";
import type { AssignmentContext } from "./assignment-context.js";

/** Where the damage was met. */
export interface DamageLocation {
  readonly step: number;
  /** 0 in an evaluation. */
  readonly attempt: number;
  readonly split: SplitName;
  /** Those of the lane's step or the block, which were asked for. */
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
    // The rest is met again once the first are left out.
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

/** More than these are counted, not listed. */
const listed = 8;

/** The first one's sentence, with the others that share the object. */
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

/** Of a missing object all that were asked for, also those that this worker still holds decoded. */
function samplesOf(
  found: readonly DamagedSample[],
  key: string,
  { samples, loader }: DamageLocation,
): number[] {
  const lost = found.some(({ isMissing }) => isMissing)
    ? [...samples].filter((sample) => loader.keyOf(asSampleIndex(sample)) === key)
    : found.map(({ sample }) => sample);
  return [...new Set(lost)].sort((a, b) => a - b);
}
