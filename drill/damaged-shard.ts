/**
 * The drill's last case: images of a shard are damaged in the store before a run that audits every sum. The run must end,
 * and must leave out and name exactly those images. Its weights can't be those of an unbroken run.
 */
import type { Manifest } from "../dataset/manifest.js";
import { TrainyardError } from "../shared/errors.js";
import type { RunResult } from "../shared/result.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** What was damaged, and what the run made of it. */
export interface DamageJudged {
  readonly run: string;
  /** Numbers of the damaged samples in the training split. */
  readonly damaged: readonly number[];
  /** Numbers of the samples that the run left out and named. */
  readonly excluded: readonly number[];
  /** Samples that are in no commit although they were whole. */
  readonly samplesLost: number;
  /** True when the run left out what was damaged, and nothing else. */
  readonly kept: boolean;
}

const damagedImages = 2;

/** Damages the first images of the first training shard. Returns their numbers, and how to undo it. */
export async function damageShard(
  store: ObjectStore,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<{ readonly damaged: readonly number[]; readonly mend: () => Promise<void> }> {
  const [shard] = manifest.splits.train.shards;
  const entries = shard?.samples.slice(0, damagedImages) ?? [];
  if (shard === undefined || entries.length < damagedImages)
    throw new TrainyardError("INPUT", `the data set ${manifest.name} has no images to damage`);
  const whole = await store.get(shard.key, { signal });
  const spoilt = Uint8Array.from(whole);
  for (const { offset, bytes } of entries) spoilt.fill(0, offset + (bytes >> 1), offset + bytes);
  await store.put(shard.key, spoilt, { signal });
  return { damaged: entries.map((_, index) => index), mend: () => store.put(shard.key, whole) };
}

/** Judges the run by its result. `trainingSamples`: of the data set; the run had `epochs` of them. */
export function judgeDamage(
  { run, exclusions, samples }: Pick<RunResult, "run" | "exclusions" | "samples">,
  {
    damaged,
    trainingSamples,
    epochs,
  }: { damaged: readonly number[]; trainingSamples: number; epochs: number },
): DamageJudged {
  const excluded = exclusions
    .filter(({ split }) => split === "train")
    .map(({ sample }) => sample)
    .sort((a, b) => a - b);
  const samplesLost = (trainingSamples - damaged.length) * epochs - samples.committed;
  const isSame = excluded.length === damaged.length && excluded.every((sample, at) => sample === damaged[at]);
  return { run, damaged, excluded, samplesLost, kept: isSame && samplesLost === 0 };
}
