/**
 * `runs/<run>/result.json`: what came of a run, written once by the coordinator. Scripts read it through
 * `trainyard runs show RUN --json`; the report shows it.
 */
import { z } from "zod";

/** JSON has no NaN: a number that is not finite is null. */
const measured = z.number().nullable();

const EpochSummary = z.object({
  /** Epoch number; the first is 0. */
  epoch: z.number().int().nonnegative(),
  loss: measured,
  accuracy: measured,
  /** Validation loss; null when the data set has no validation images. */
  validationLoss: measured,
  validationAccuracy: measured,
});

/** A repeated measurement, in seconds. */
const SecondsSpread = z.object({ min: z.number(), median: z.number(), max: z.number() });

/**
 * Where the time of usual steps went: applied at the first attempt, every lane full. Of the last coordinator's last 200.
 */
export const RunTiming = z.object({
  steps: z.number().int().positive(),
  /** Seconds from the assignment of a step to its commit. */
  stepSeconds: SecondsSpread,
  /** Seconds that a worker computes one lane, averaged over the lanes of a step. */
  laneSeconds: SecondsSpread,
  /** Seconds that the worker with the most lanes computes all of them. */
  computeSeconds: SecondsSpread,
  /** Seconds from the decision to the commit, in which every slice is updated. */
  commitSeconds: SecondsSpread,
  /** Median number of workers that computed a step. */
  workers: z.number().int().positive(),
  reducers: z.number().int().positive(),
  /** Seconds that the threads of all reducers were busy per step, skipped steps included; 0 = not known. */
  reducerSeconds: z.number(),
});
export type RunTiming = z.infer<typeof RunTiming>;

/** The result of a finished run: result.json. */
export const RunResult = z.object({
  format: z.literal("trainyard-result/1"),
  run: z.string(),
  /** Generation of the coordinator that finished the run. */
  generation: z.number().int().positive(),
  outcome: z.enum(["finished", "stopped", "failed"]),
  /** Why it ended: "all 25 epochs are done", "no lower loss for 5 epochs". */
  reason: z.string(),
  dataset: z.object({ name: z.string(), hash: z.string() }),
  model: z.string(),
  /** Trainable. */
  parameters: z.number().int(),
  lanes: z.number().int(),
  workersSeen: z.number().int(),
  fingerprints: z.array(z.unknown()).readonly(),
  /** False when workers of several kinds took part (--allow-mixed). */
  sameBits: z.boolean(),
  steps: z.number().int(),
  epochs: z.number().int(),
  seconds: z.number(),
  imagesPerSecond: measured,
  final: EpochSummary.nullable(),
  /** The epoch with the lowest validation loss. */
  best: EpochSummary.nullable(),
  /** Numbers of each class in the last evaluation, in label order. */
  classes: z
    .array(z.object({ name: z.string(), images: z.number(), correct: z.number(), recall: measured }))
    .readonly(),
  /** [true class][predicted class] counts of the last evaluation; empty without validation images. */
  confusion: z.array(z.array(z.number()).readonly()).readonly(),
  samples: z.object({
    committed: z.number().int(),
    redone: z.number().int(),
    skipped: z.number().int(),
    excluded: z.number().int(),
    lost: z.number().int(),
    repeated: z.number().int(),
  }),
  /** Images that could not be read any more, left out from that step on: not empty = another run than with them. */
  exclusions: z
    .array(
      z.object({
        split: z.enum(["train", "validation"]),
        sample: z.number().int(),
        step: z.number().int(),
        key: z.string(),
        reason: z.string(),
      }),
    )
    .readonly()
    .default([]),
  /** Paths below runs/<run>/. */
  exported: z.object({ checkpoint: z.string(), paths: z.array(z.string()).readonly() }).nullable(),
  /** SHA-256 of the exported weights file, in hexadecimal. */
  weightsSha256: z.string(),
  /** Where the time went; null when no step counted, and in results of older versions. */
  timing: RunTiming.nullable().default(null),
});
export type RunResult = z.infer<typeof RunResult>;
