/** Vectors in and out of a slice: what an upload or a checkpoint does. */
import type { OptimizerVectors } from "../../coordinator/optimizers/optimizer.js";
import type { ReducedSlice } from "../../coordinator/reducers/slice.js";

/** A copy that the slice may own. */
export function ownedBy(slice: ReducedSlice, values: Float32Array): Float32Array {
  const vector = slice.vectors.allocate();
  vector.set(values);
  return vector;
}

/** Copies of the slice's weights and moments. */
export function vectorsOf(slice: ReducedSlice): OptimizerVectors {
  const { begin, end } = slice.range;
  const vector = () => new Float32Array(end);
  const whole = { weights: vector(), moments: Array.from({ length: slice.momentVectors }, vector) };
  slice.snapshot(whole);
  return { weights: whole.weights.slice(begin), moments: whole.moments.map((moment) => moment.slice(begin)) };
}
