/**
 * `datasets/<name>/manifest.json`: what a data set is. Written last by the import, immutable afterwards;
 * its `hash` names the data set in every run that uses it.
 */
import { z } from "zod";

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

export const ShardEntry = z.object({
  key: z.string(),
  bytes: z.number().int().positive(),
  sha256: z.string(),
  samples: z.array(SampleEntry),
});
export type ShardEntry = z.infer<typeof ShardEntry>;

/** A split's samples are numbered 0..n-1 through its shards in order: that number is the SampleIndex. */
export const SplitEntry = z.object({ samples: z.number().int().nonnegative(), shards: z.array(ShardEntry) });
export type SplitEntry = z.infer<typeof SplitEntry>;

export const Manifest = z.object({
  format: z.literal("trainyard-dataset/1"),
  name: z.string(),
  /** SHA-256 over all content that decides training (classes, splits, shards), hex. */
  hash: z.string(),
  classes: z.array(z.string()).min(1),
  splits: z.object({ train: SplitEntry, validation: SplitEntry }),
  /** Images by class and split, parallel to `classes`. */
  counts: z.object({ train: z.array(z.number()), validation: z.array(z.number()) }),
  /** Smallest, median and largest upright size seen, [height, width]. */
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
  /** Entries that are no images at all (hidden files, system folders), counted by reason. */
  ignored: z.record(z.string(), z.number()),
  warnings: z.array(z.string()),
});
export type Manifest = z.infer<typeof Manifest>;
export type SplitName = "train" | "validation";

export const manifestKey = (name: string) => `datasets/${name}/manifest.json`;
