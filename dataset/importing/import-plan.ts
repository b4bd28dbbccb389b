/**
 * The import plan: which sample goes into which shard. It decides labels, split, shuffle across shards and where shards
 * are cut, and hashes the result. A pure function of the examined images and the options; writes nothing.
 */
import { createHash } from "node:crypto";
import { TrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import { drawStream, type NumberStream, Purpose } from "../../shared/random.js";
import { importDrawsOf, type Manifest, type SplitName } from "../manifest.js";
import type { ExaminedImage } from "./examine-images.js";
import { memberBytes } from "./shard-tar.js";
import { splitStratified } from "./stratified-split.js";

/** An examined image with its label. */
export interface PlannedSample extends ExaminedImage {
  readonly label: number;
}

/** What an import will write. */
export interface ImportPlan {
  readonly classes: readonly string[];
  /** The samples of each shard, by split. */
  readonly splits: Readonly<Record<SplitName, readonly (readonly PlannedSample[])[]>>;
  /** The number of images for each label, by split. */
  readonly counts: Readonly<Record<SplitName, number[]>>;
  /** SHA-256 of the format, of the classes and of each sample's bytes and label, shard by shard in order. */
  readonly hash: string;
  readonly warnings: readonly string[];
}

/** What decides a plan, besides the images. */
export interface PlanOptions {
  /** The format of the manifest that is planned. It decides the draws. */
  readonly format: Manifest["format"];
  readonly classes: readonly string[];
  /** Whether the source itself says which images are for validation. */
  readonly isSplit: boolean;
  readonly validationSplit: number;
  readonly seed: number;
  /** Files that were rejected, for the message about a class that has no images left. */
  readonly rejected: readonly { readonly source: string; readonly reason: string }[];
}

/** The splits, in the order in which their shards are numbered. */
export const splitOrder = ["train", "validation"] as const satisfies readonly SplitName[];

/** Plans an import. @throws TrainyardError INPUT when a class or a split would be empty. */
export function planImport(examined: readonly ExaminedImage[], options: PlanOptions): ImportPlan {
  const { classes, format, seed } = options;
  const draws = importDrawsOf(format);
  const labels = new Map(classes.map((name, label) => [name, label]));
  const samples = examined.map((one) => ({ ...one, label: labels.get(one.image.className) ?? -1 }));
  const warnings: string[] = [];
  const bySplit = options.isSplit ? givenSplit(samples) : seededSplit(samples, options, warnings);
  const counts = {
    train: countLabels(bySplit.train, classes.length),
    validation: countLabels(bySplit.validation, classes.length),
  };
  checkCounts(counts, options, warnings);
  warnDuplicates(bySplit, warnings);
  const splits = {
    train: cutShards(shuffled(bySplit.train, drawStream(draws, seed, Purpose.importShuffle, 0))),
    validation: cutShards(shuffled(bySplit.validation, drawStream(draws, seed, Purpose.importShuffle, 1))),
  };
  return { classes, splits, counts, hash: contentHash(format, classes, splits), warnings };
}

type BySplit = Readonly<Record<SplitName, PlannedSample[]>>;

function givenSplit(samples: readonly PlannedSample[]): BySplit {
  return {
    train: samples.filter(({ image }) => image.split === "train"),
    validation: samples.filter(({ image }) => image.split === "validation"),
  };
}

function seededSplit(samples: readonly PlannedSample[], options: PlanOptions, warnings: string[]): BySplit {
  const labels = samples.map(({ label }) => label);
  const { isValidation, single } = splitStratified(labels, options.validationSplit, {
    draws: importDrawsOf(options.format),
    seed: options.seed,
  });
  for (const label of single) {
    warnings.push(
      `class "${options.classes[label]}" has 1 image: it is in training, and validation has none of it`,
    );
  }
  return {
    train: samples.filter((_, index) => isValidation[index] === false),
    validation: samples.filter((_, index) => isValidation[index] === true),
  };
}

function countLabels(samples: readonly PlannedSample[], classes: number): number[] {
  const counts = new Array<number>(classes).fill(0);
  for (const { label } of samples) counts[label] = (counts[label] ?? 0) + 1;
  return counts;
}

function checkCounts(
  counts: ImportPlan["counts"],
  { classes, isSplit, rejected }: PlanOptions,
  warnings: string[],
): void {
  const without = (split: SplitName) =>
    classes.filter((_, label) => counts[split][label] === 0).map((name) => `"${name}"`);
  const untrained = without("train");
  if (untrained.length > 0) {
    const where = isSplit ? "training images" : "images";
    const first = rejected[0];
    const lost = first ? ` (${rejected.length} files rejected, first ${first.source}: ${first.reason})` : "";
    const message = `no ${where} that can be read for class ${untrained.join(", ")}${lost}; add some, or leave it out with --classes`;
    throw new TrainyardError("INPUT", message);
  }
  const unseen = without("validation");
  if (unseen.length === classes.length) {
    throw new TrainyardError(
      "INPUT",
      "validation would be empty: at least one class needs two images or more",
    );
  }
  if (isSplit && unseen.length > 0) warnings.push(`validation has no images of class ${unseen.join(", ")}`);
}

/** Warns of images with the same bytes under two labels, or in training and validation: they distort the accuracy. */
function warnDuplicates(bySplit: BySplit, warnings: string[]): void {
  const seen = new Map<string, { label: number; split: SplitName; source: string }>();
  const found = { classes: [] as string[], splits: [] as string[], same: 0 };
  for (const split of splitOrder) {
    for (const { sha256, label, image } of bySplit[split]) {
      const first = seen.get(sha256);
      if (first === undefined) seen.set(sha256, { label, split, source: image.source });
      else if (first.label !== label) found.classes.push(`${first.source} = ${image.source}`);
      else if (first.split !== split) found.splits.push(`${first.source} = ${image.source}`);
      else found.same += 1;
    }
  }
  const say = (pairs: string[], what: string) => {
    if (pairs.length > 0) warnings.push(`${pairs.length} ${what}, first ${pairs[0]}`);
  };
  say(found.classes, "of the images are in two classes with the same bytes");
  say(found.splits, "of the validation images are in training too, with the same bytes");
  if (found.same > 0)
    warnings.push(`${found.same} of the images are copies of others of their class and split`);
}

/** The samples of a split in a random order, so that each shard holds all classes. */
function shuffled(samples: readonly PlannedSample[], random: NumberStream): PlannedSample[] {
  const order = [...samples];
  random.shuffle(order);
  return order;
}

/** Cuts a split into shards, each as large as its limits of bytes and samples allow. A larger image gets its own shard. */
function cutShards(samples: readonly PlannedSample[]): PlannedSample[][] {
  const shards: PlannedSample[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const sample of samples) {
    const added = memberBytes(sample.bytes) + memberBytes(1);
    const last = shards.at(-1);
    if (last === undefined || last.length >= limits.shardSamples || bytes + added > limits.shardBytes) {
      shards.push([sample]);
      bytes = added;
    } else {
      last.push(sample);
      bytes += added;
    }
  }
  return shards;
}

function contentHash(format: string, classes: readonly string[], splits: ImportPlan["splits"]): string {
  const hash = createHash("sha256").update(JSON.stringify([format, classes]));
  for (const split of splitOrder) {
    hash.update(`\n${split}`);
    for (const shard of splits[split]) {
      hash.update("\nshard");
      for (const { sha256, label, extension } of shard) hash.update(`\n${sha256} ${label} ${extension}`);
    }
  }
  return hash.digest("hex");
}
