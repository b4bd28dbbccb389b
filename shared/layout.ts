/**
 * The layout of a model's flat vectors: what the coordinator, which has no TensorFlow, must know of a model.
 * Trainable parameters lie in one float32 vector in layer order; batch-norm statistics in another
 * (per layer: mean[channels], then variance[channels]).
 */
import { createHash } from "node:crypto";
import { z } from "zod";

export const TensorSlot = z.object({
  /** `<layer>/<weight>`, for instance `conv2d_1/kernel`. */
  name: z.string(),
  shape: z.array(z.number().int().positive()),
  /** In elements of the flat vector. */
  offset: z.number().int().nonnegative(),
  size: z.number().int().positive(),
});
export type TensorSlot = z.infer<typeof TensorSlot>;

export const BatchNormSlot = z.object({
  layer: z.string(),
  channels: z.number().int().positive(),
  momentum: z.number(),
  /** Of the mean, in elements of the statistics vector; the variance follows at offset + channels. */
  offset: z.number().int().nonnegative(),
  /** Positions (height x width) that one sample contributes to each channel's statistics. */
  elementsPerSample: z.number().int().positive(),
});
export type BatchNormSlot = z.infer<typeof BatchNormSlot>;

export const ModelLayout = z.object({
  parameters: z.array(TensorSlot),
  parameterCount: z.number().int().positive(),
  batchNorms: z.array(BatchNormSlot),
  statisticsCount: z.number().int().nonnegative(),
});
export type ModelLayout = z.infer<typeof ModelLayout>;

/** SHA-256 of the layout: two engines that disagree on it must never exchange gradients. */
export function layoutHash(layout: ModelLayout): string {
  return createHash("sha256")
    .update(JSON.stringify(ModelLayout.parse(layout)))
    .digest("hex");
}
