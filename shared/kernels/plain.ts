/**
 * The kernels in plain TypeScript: their readable specification, which simd.ts is tested against, and what a worker and
 * the simulator use. Rounding a float64 sum, product, quotient or root of float32 to float32 gives what IEEE single
 * precision gives (Figueroa 1995: 53 bits are more than twice 24 and two), so Math.fround after each is exact.
 */
import { addBfloat16Into, roundToBfloat16 } from "./bfloat16.js";
import { type AdamScalars, type Kernels, normBlock } from "./kernels.js";

export const plainKernels: Kernels = {
  add: addInto,
  addBfloat16: addBfloat16Into,
  roundBfloat16: roundToBfloat16,
  adam,
  blockSumsOfSquares,
};

/** left += right, element by element in float32. */
export function addInto(left: Float32Array, right: Float32Array): void {
  for (let i = 0; i < left.length; i += 1) left[i] = (left[i] as number) + (right[i] as number);
}

/**
 * Kingma & Ba 2015, in the form of Keras 3 (`optimizers/adam.py`): epsilon outside the root, the bias corrections
 * inside alpha.
 */
function adam(
  weights: Float32Array,
  m: Float32Array,
  v: Float32Array,
  root: Float32Array,
  step: AdamScalars,
): void {
  const f = Math.fround;
  const [divisor, alpha, epsilon] = [f(step.divisor), f(step.alpha), f(step.epsilon)];
  const [oneMinusBeta1, oneMinusBeta2] = [f(step.oneMinusBeta1), f(step.oneMinusBeta2)];
  for (let i = 0; i < weights.length; i += 1) {
    const g = f((root[i] as number) / divisor);
    const mi = f((m[i] as number) + f(f(g - (m[i] as number)) * oneMinusBeta1));
    const vi = f((v[i] as number) + f(f(f(g * g) - (v[i] as number)) * oneMinusBeta2));
    m[i] = mi;
    v[i] = vi;
    weights[i] = f((weights[i] as number) - f(f(mi * alpha) / f(f(Math.sqrt(vi)) + epsilon)));
  }
}

function blockSumsOfSquares(values: Float32Array): Float64Array {
  const sums = new Float64Array(Math.ceil(values.length / normBlock));
  for (let block = 0; block < sums.length; block += 1) {
    const end = Math.min(values.length, (block + 1) * normBlock);
    let sum = 0;
    for (let i = block * normBlock; i < end; i += 1) {
      const value = values[i] as number;
      sum += value * value;
    }
    sums[block] = sum;
  }
  return sums;
}
