/** The divisor of a step's gradient sum. Every optimizer's kernel divides by it, so clipping needs no kernel. */
import type { OptimizerSpec } from "../../shared/spec.js";

/**
 * The number of the step's samples, so that the sum becomes the mean. With clipNorm it is larger by as much as the
 * mean's Euclidean norm exceeds clipNorm: mean * min(1, clipNorm / norm) is Keras' `global_clipnorm`. The norm is that
 * of the whole vector, so the number of slices changes nothing.
 */
export function divisorOf(
  { clipNorm }: Pick<OptimizerSpec, "clipNorm">,
  samples: number,
  gradientNorm: number,
): number {
  return clipNorm === null ? samples : samples * Math.max(1, gradientNorm / clipNorm);
}
