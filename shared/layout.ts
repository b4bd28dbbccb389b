/**
 * The layout of a model's flat vectors: what the coordinator, which has no TensorFlow, must know of a model.
 * Trainable parameters lie in one float32 vector in layer order; batch-norm statistics in another
 * (per layer: mean[channels], then variance[channels]).
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import { listOf } from "./grpc/numbers.js";
import { name } from "./grpc/texts.js";
import { limits } from "./limits.js";

/** The place of one tensor in the flat vectors. */
export const TensorSlot = z.object({
  /** `<layer>/<weight>`, for instance `conv2d_1/kernel`. */
  name,
  shape: listOf(z.number().int().positive(), 16),
  /** In elements of the flat vector. */
  offset: z.number().int().nonnegative(),
  size: z.number().int().positive(),
});
export type TensorSlot = z.infer<typeof TensorSlot>;

/** The place of one batch-norm layer's statistics in the statistics vector. */
export const BatchNormSlot = z.object({
  layer: name,
  channels: z.number().int().positive(),
  momentum: z.number().min(0).max(1),
  /** Position of the mean in the statistics vector, in elements; the variance is at offset + channels. */
  offset: z.number().int().nonnegative(),
  /** Positions (height x width) that one sample contributes to each channel's statistics. */
  elementsPerSample: z.number().int().positive(),
});
export type BatchNormSlot = z.infer<typeof BatchNormSlot>;

/**
 * The layout of a model's flat vectors. Its tensors must fill the vectors without gaps, so that a stated length is
 * backed by named tensors.
 */
export const ModelLayout = z
  .object({
    parameters: listOf(TensorSlot, limits.tensors),
    parameterCount: z.number().int().positive().max(limits.parameters),
    batchNorms: listOf(BatchNormSlot, limits.tensors),
    // Those of a lane travel in one message.
    statisticsCount: z
      .number()
      .int()
      .nonnegative()
      .max(limits.messageBytes / 8),
  })
  .refine(
    ({ parameters, parameterCount }) => fills(parameters, parameterCount),
    "parameters that don't fill it",
  )
  .refine(
    ({ batchNorms, statisticsCount }) =>
      fills(
        batchNorms.map(({ offset, channels }) => ({ offset, size: 2 * channels })),
        statisticsCount,
      ),
    "statistics that don't fill them",
  );
export type ModelLayout = z.infer<typeof ModelLayout>;

/** One after another, in this order, from 0 to `count`; a size is that of its shape. */
function fills(
  slots: readonly { readonly offset: number; readonly size: number; readonly shape?: readonly number[] }[],
  count: number,
): boolean {
  let end = 0;
  for (const { offset, size, shape = [size] } of slots) {
    if (offset !== end || shape.reduce((product, length) => product * length, 1) !== size) return false;
    end += size;
  }
  return end === count;
}

/** SHA-256 of the layout: two engines that disagree on it must never exchange gradients. */
export function layoutHash(layout: ModelLayout): string {
  return createHash("sha256")
    .update(JSON.stringify(ModelLayout.parse(layout)))
    .digest("hex");
}
