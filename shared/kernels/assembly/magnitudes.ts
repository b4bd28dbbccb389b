/**
 * Largest magnitudes in WebAssembly SIMD (AssemblyScript; part of the kernels' module). A float32 without its sign bit,
 * read as an integer, is ordered as its magnitude is: 0, finite values, infinity, NaN. So a maximum of integers finds the
 * largest magnitude in any order, and one value that is not finite shows in it.
 */

/** Keeps the larger magnitude in each of four places: `top` holds magnitudes, `values` float32. */
export function largerMagnitudes(top: v128, values: v128): v128 {
  return i32x4.max_u(top, v128.and(values, i32x4.splat(0x7fffffff)));
}

/** The largest of four magnitudes. */
export function largestLane(top: v128): u32 {
  const low = max<u32>(i32x4.extract_lane(top, 0), i32x4.extract_lane(top, 1));
  const high = max<u32>(i32x4.extract_lane(top, 2), i32x4.extract_lane(top, 3));
  return max<u32>(low, high);
}

/** The magnitude of one value. */
export function magnitudeBits(value: f32): u32 {
  return reinterpret<u32>(value) & 0x7fffffff;
}
