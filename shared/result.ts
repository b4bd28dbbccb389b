/**
 * `runs/<run>/result.json`: what came of a run, written once when it has finished. Scripts read it through
 * `trainyard runs show RUN --json`; the report shows it.
 */
import { z } from "zod";

/** JSON has no NaN: a number that is not finite is null. */
const measured = z.number().nullable();
const Measures = z.object({ loss: measured, accuracy: measured });
const EpochMeasures = z.object({
  /** From 0. */
  epoch: z.number().int().nonnegative(),
  training: Measures,
  /** Null where the data set has no validation images. */
  validation: Measures.nullable(),
});

export const RunResult = z.looseObject({
  format: z.literal("trainyard-result/1"),
  run: z.string(),
  /** Why it ended: "all 25 epochs are done", "no lower loss for 5 epochs". */
  reason: z.string(),
  dataset: z.object({ name: z.string(), hash: z.string() }),
  classes: z.array(z.string()),
  model: z.string(),
  /** Trainable. */
  parameters: z.number().int(),
  lanes: z.number().int(),
  /** Ids of all that ever got ready. */
  workers: z.array(z.string()),
  fingerprints: z.array(z.unknown()),
  /** False when workers of several kinds took part (--allow-mixed). */
  sameBits: z.boolean(),
  steps: z.number().int(),
  epochs: z.number().int(),
  seconds: z.number(),
  imagesPerSecond: measured,
  final: EpochMeasures,
  /** The epoch with the lowest validation loss. */
  best: EpochMeasures,
  exportedWeights: z.enum(["last", "best"]),
  /** Parallel to `classes`. */
  classCounts: z.object({ train: z.array(z.number()), validation: z.array(z.number()) }),
  samples: z.object({
    committed: z.number().int(),
    redone: z.number().int(),
    skipped: z.number().int(),
    excluded: z.number().int(),
    lost: z.number().int(),
    repeated: z.number().int(),
  }),
  /** Of the final float32 weights, little-endian, in layout order, hex. */
  weightsSha256: z.string(),
  /** Keys in the store, in the order in which they were written. */
  exports: z.array(z.string()),
});
export type RunResult = z.infer<typeof RunResult>;
