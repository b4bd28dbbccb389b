/** The arithmetic on a slice's vectors: what it must give, bit for bit, whoever computes it (plain.ts, simd.ts). */

/** Of one Adam step; each is rounded to float32 once, before it is used. */
export interface AdamScalars {
  /** The root of the tree is divided by it. */
  readonly divisor: number;
  readonly alpha: number;
  readonly epsilon: number;
  readonly oneMinusBeta1: number;
  readonly oneMinusBeta2: number;
}

/** All vectors of one call are float32 of one length; nothing is kept. A NaN's payload is left open. */
export interface Kernels {
  /** left += right. */
  add(left: Float32Array, right: Float32Array): void;
  /** left = bf16(left + right), the float32 sum rounded to nearest even. */
  addBfloat16(left: Float32Array, right: Float32Array): void;
  /** values = bf16(values). */
  roundBfloat16(values: Float32Array): void;
  /** Updates weights, m and v; `root` stays. */
  adam(weights: Float32Array, m: Float32Array, v: Float32Array, root: Float32Array, step: AdamScalars): void;
  /**
   * float64 [ceil(length / normBlock)]: sums of squares of the consecutive blocks, element after element. One that is
   * not finite tells that an element was not: a finite float32 squared is far inside float64.
   */
  blockSumsOfSquares(values: Float32Array): Float64Array;
}

/** Elements per block of the sums of squares (DESIGN 5.4). */
export const normBlock = 4_096;
