/**
 * The kernels in plain TypeScript: their readable specification, which simd.ts is tested against, and what a worker and
 * the simulator use. Rounding a float64 sum, product, quotient or root of float32 to float32 gives what IEEE single
 * precision gives (Figueroa 1995: 53 bits are more than twice 24 and two), so Math.fround after each is exact.
 */
import { addBfloat16Into, roundToBfloat16 } from "./bfloat16.js";
import { type BlockSums, type Kernels, normBlock } from "./kernels.js";

export const plainKernels: Kernels = {
  add: addInto,
  addBfloat16: addBfloat16Into,
  roundBfloat16: roundToBfloat16,
  update: (kernel, vectors, scalars) => {
    kernel.plain(vectors, rounded(scalars));
    return vectors.slice(0, kernel.changed).map(largestMagnitude);
  },
  blockSumsOfSquares,
  largestMagnitude,
};

/** left += right, element by element in float32. */
export function addInto(left: Float32Array, right: Float32Array): void {
  for (let i = 0; i < left.length; i += 1) left[i] = (left[i] as number) + (right[i] as number);
}

/** Rounding the scalars keeps their tuple. */
const rounded = <Scalars extends readonly number[]>(scalars: Scalars): Scalars =>
  scalars.map(Math.fround) as unknown as Scalars;

/** The largest magnitude; NaN when a value is NaN. */
function largestMagnitude(values: Float32Array): number {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  return largest;
}

function blockSumsOfSquares(values: Float32Array): BlockSums {
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
  return { sums, largest: largestMagnitude(values) };
}
