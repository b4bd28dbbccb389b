/** The arithmetic on a slice's vectors. plain.ts and simd.ts implement it with the same bits. */

/**
 * An optimizer's update of the weights: a function of the WebAssembly module, and its specification. The module's
 * function takes the vectors' addresses, their length, the scalars, and where the largest magnitudes go, in this order.
 */
export interface UpdateKernel<Vectors extends readonly Float32Array[], Scalars extends readonly number[]> {
  /** Name of the function that the module exports. */
  readonly name: string;
  /** How many of the vectors it changes: so many, from the first on. */
  readonly changed: number;
  /** The same bits in plain TypeScript. The scalars are float32 already. */
  plain(vectors: Vectors, scalars: Scalars): void;
}

/** All vectors of one call are float32 of one length; nothing is kept. A NaN's payload is left open. */
export interface Kernels {
  /** left += right. */
  add(left: Float32Array, right: Float32Array): void;
  /** left = bf16(left + right), the float32 sum rounded to nearest even. */
  addBfloat16(left: Float32Array, right: Float32Array): void;
  /** values = bf16(values). */
  roundBfloat16(values: Float32Array): void;
  /**
   * Carries an optimizer's kernel out. Each scalar is rounded to float32 once, before it is used. Returns the largest
   * magnitude in each vector that it changed.
   */
  update<Vectors extends readonly Float32Array[], Scalars extends readonly number[]>(
    kernel: UpdateKernel<Vectors, Scalars>,
    vectors: Vectors,
    scalars: Scalars,
  ): number[];
  /** Sums of squares of the consecutive blocks, element after element, and the largest magnitude. */
  blockSumsOfSquares(values: Float32Array): BlockSums;
  /** The largest magnitude; infinity or NaN when a value is not finite. */
  largestMagnitude(values: Float32Array): number;
}

/** What one pass over a vector finds. */
export interface BlockSums {
  /** float64 [ceil(length / normBlock)]. A finite float32 squared is far inside float64. */
  readonly sums: Float64Array;
  /** The largest magnitude; infinity or NaN when a value is not finite. */
  readonly largest: number;
}

/** Elements per block of the sums of squares. Slices are cut at multiples of it, so their number changes no bit. */
export const normBlock = 4_096;
