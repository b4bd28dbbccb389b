/**
 * Numbers that an engine can have computed: float32 ones, added as doubles. What lies beyond them counts as not finite,
 * so that no sum of the core can overflow, whatever a worker says.
 */

const largestFloat32 = 3.4028234663852886e38;

/** True when a sum over this many samples can be the result of float32 computations. */
export const isCredibleSum = (sum: number, samples: number): boolean =>
  Math.abs(sum) <= largestFloat32 * Math.max(1, samples);

export const areCredible = (values: Float64Array): boolean =>
  values.every((value) => isCredibleSum(value, 1));
