/**
 * Adam on one slice, in exact float32: every operation is rounded as IEEE single precision, so the bits are the
 * same on every machine and in any other exact implementation. Kingma & Ba 2015, in the form of Keras 3
 * (`optimizers/adam.py`): alpha = lr * sqrt(1 - beta2^t) / (1 - beta1^t), epsilon outside the root.
 */
import type { AdamStep } from "../core/optimizer.js";

export interface SliceMoments {
  readonly weights: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** Updates weights, m and v in place. `root`: sum of the step's gradients, same length. */
export function applyAdam(moments: SliceMoments, root: Float32Array, step: AdamStep): void {
  const f = Math.fround;
  const { weights, m, v } = moments;
  const divisor = f(step.divisor);
  const alpha = f(step.alpha);
  const epsilon = f(step.epsilon);
  const oneMinusBeta1 = f(1 - step.beta1);
  const oneMinusBeta2 = f(1 - step.beta2);
  for (let i = 0; i < weights.length; i += 1) {
    const g = f((root[i] as number) / divisor);
    const mi = f((m[i] as number) + f(f(g - (m[i] as number)) * oneMinusBeta1));
    const vi = f((v[i] as number) + f(f(f(g * g) - (v[i] as number)) * oneMinusBeta2));
    m[i] = mi;
    v[i] = vi;
    weights[i] = f((weights[i] as number) - f(f(mi * alpha) / f(f(Math.sqrt(vi)) + epsilon)));
  }
}
