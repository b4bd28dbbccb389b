/**
 * `datasets/<name>/manifest.json`: what a data set is. Written last by the import, immutable afterwards;
 * its `hash` names the data set in every run that uses it.
 */
import { z } from "zod";
import type { Draws } from "../shared/random.js";

/** One sample: where its image lies in the shard's tar, its label, and the file it came from. */
export const SampleEntry = z.object({
  /** Offset of the image's bytes in the shard (past the tar header). */
  offset: z.number().int().nonnegative(),
  bytes: z.number().int().positive(),
  /** Index into `classes`. */
  label: z.number().int().nonnegative(),
  /** SHA-256 of the image's bytes, hex. */
  sha256: z.string(),
  /** Path of the source file, relative to the imported folder, as the user named it. */
  source: z.string(),
});
export type SampleEntry = z.infer<typeof SampleEntry>;

/** One shard: its object in the store, and the samples in it in the order of the tar. */
export const ShardEntry = z.object({
  key: z.string(),
  bytes: z.number().int().positive(),
  sha256: z.string(),
  samples: z.array(SampleEntry),
});
export type ShardEntry = z.infer<typeof ShardEntry>;

/** One split. Its samples are numbered 0 to n-1 through its shards in order; that number is the SampleIndex. */
export const SplitEntry = z.object({ samples: z.number().int().nonnegative(), shards: z.array(ShardEntry) });
export type SplitEntry = z.infer<typeof SplitEntry>;

/** The whole document: what a data set is, and what the import accepted, rejected and ignored. */
export const Manifest = z.object({
  /** 1: split and shuffle by draws 1. 2: by draws 2 (shared/random.ts). Everything else means the same in both. */
  format: z.enum(["trainyard-dataset/1", "trainyard-dataset/2"]),
  name: z.string(),
  /** SHA-256 over all content that decides training (classes, splits, shards), hex. */
  hash: z.string(),
  classes: z.array(z.string()).min(1),
  splits: z.object({ train: SplitEntry, validation: SplitEntry }),
  /** Images by class and split, parallel to `classes`. */
  counts: z.object({ train: z.array(z.number()), validation: z.array(z.number()) }),
  /** Smallest, median and largest size among the upright images, each as [height, width]. */
  sizes: z.object({
    smallest: z.tuple([z.number(), z.number()]),
    median: z.tuple([z.number(), z.number()]),
    largest: z.tuple([z.number(), z.number()]),
  }),
  /** True when every image is grey: models then default to one channel. */
  grey: z.boolean(),
  /** Images by format, as their content says: `{ jpg: 240 }`. */
  formats: z.record(z.string(), z.number()).optional(),
  options: z.record(z.string(), z.unknown()),
  rejected: z.array(z.object({ source: z.string(), reason: z.string() })),
  /** Number of files that are no images (hidden files, system folders), by reason. */
  ignored: z.record(z.string(), z.number()),
  warnings: z.array(z.string()),
});
export type Manifest = z.infer<typeof Manifest>;

/** The format of a new data set's manifest. */
export const newestManifestFormat = "trainyard-dataset/2" satisfies Manifest["format"];

/** The draws of an import: which images are for validation, and their order in the shards. */
export const importDrawsOf = (format: Manifest["format"]): Draws =>
  format === "trainyard-dataset/1" ? 1 : 2;

export type SplitName = "train" | "validation";

/** The key of a data set's manifest in the store. */
export const manifestKey = (name: string) => `datasets/${name}/manifest.json`;
