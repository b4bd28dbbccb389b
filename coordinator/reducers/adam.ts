/** Adam on one slice: from the core's step to the kernels' scalars. The arithmetic itself is shared/kernels. */
import type { Kernels } from "../../shared/kernels/kernels.js";
import type { AdamStep } from "../core/optimizer.js";

export interface SliceMoments {
  readonly weights: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** Updates weights, m and v in place. `root`: sum of the step's gradients, same length. */
export function applyAdam(
  kernels: Kernels,
  { weights, m, v }: SliceMoments,
  root: Float32Array,
  { alpha, beta1, beta2, epsilon, divisor }: AdamStep,
): void {
  const [oneMinusBeta1, oneMinusBeta2] = [1 - beta1, 1 - beta2];
  kernels.adam(weights, m, v, root, { divisor, alpha, epsilon, oneMinusBeta1, oneMinusBeta2 });
}
