/**
 * The kernels in plain TypeScript: their readable specification, which simd.ts is tested against, and what a worker and
 * the simulator use. Rounding a float64 sum, product, quotient or root of float32 to float32 gives what IEEE single
 * precision gives (Figueroa 1995: 53 bits are more than twice 24 and two), so Math.fround after each is exact.
 */
import { addBfloat16Into, roundToBfloat16 } from "./bfloat16.js";
import { type Kernels, normBlock } from "./kernels.js";

export const plainKernels: Kernels = {
  add: addInto,
  addBfloat16: addBfloat16Into,
  roundBfloat16: roundToBfloat16,
  update: (kernel, vectors, scalars) => kernel.plain(vectors, rounded(scalars)),
  blockSumsOfSquares,
};

/** left += right, element by element in float32. */
export function addInto(left: Float32Array, right: Float32Array): void {
  for (let i = 0; i < left.length; i += 1) left[i] = (left[i] as number) + (right[i] as number);
}

/** Rounding the scalars keeps their tuple. */
const rounded = <Scalars extends readonly number[]>(scalars: Scalars): Scalars =>
  scalars.map(Math.fround) as unknown as Scalars;

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
