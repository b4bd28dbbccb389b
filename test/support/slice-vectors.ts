/** Vectors in and out of a slice: what an upload or a checkpoint does. */
import type { SliceMoments } from "../../coordinator/reducers/adam.js";
import type { ReducedSlice } from "../../coordinator/reducers/slice.js";

/** A copy that the slice may own. */
export function ownedBy(slice: ReducedSlice, values: Float32Array): Float32Array {
  const vector = slice.vectors.allocate();
  vector.set(values);
  return vector;
}

/** Copies of the slice's weights and moments. */
export function vectorsOf(slice: ReducedSlice): SliceMoments {
  const { begin, end } = slice.range;
  const vector = () => new Float32Array(end);
  const whole = { weights: vector(), m: vector(), v: vector() };
  slice.snapshot(whole);
  const part = (values: Float32Array) => values.slice(begin);
  return { weights: part(whole.weights), m: part(whole.m), v: part(whole.v) };
}
