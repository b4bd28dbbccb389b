/**
 * The reducers' sums, norms and bfloat16 in WebAssembly SIMD (AssemblyScript; `npm run build:kernels` compiles this file
 * and coordinator/optimizers/NAME/assembly/NAME.ts into ../module.ts).
 * Every operation is IEEE single precision, rounded once, never fused or reordered: the bits are those of the plain
 * TypeScript that specifies them (../plain.ts), except for a NaN's payload. Pointers are bytes and multiples
 * of 16; counts are elements. Nothing is allocated here.
 */
import { largerMagnitudes, largestLane, magnitudeBits } from "./magnitudes";

/** left += right: float32 [count] each. */
export function add(left: usize, right: usize, count: usize): void {
  const end = left + (count << 2);
  const wide = left + ((count >> 4) << 6);
  while (left < wide) {
    const a = f32x4.add(v128.load(left, 0), v128.load(right, 0));
    const b = f32x4.add(v128.load(left, 16), v128.load(right, 16));
    const c = f32x4.add(v128.load(left, 32), v128.load(right, 32));
    const d = f32x4.add(v128.load(left, 48), v128.load(right, 48));
    v128.store(left, a, 0);
    v128.store(left, b, 16);
    v128.store(left, c, 32);
    v128.store(left, d, 48);
    left += 64;
    right += 64;
  }
  while (left < end) {
    store<f32>(left, load<f32>(left) + load<f32>(right));
    left += 4;
    right += 4;
  }
}

/**
 * Sums of squares of consecutive blocks: float32 [count] to float64 [ceil(count / block)], element after element in
 * each. A sum waits for the one before it, so eight blocks run side by side; their order stays as it is. `largest`:
 * float32 [1] gets the largest magnitude.
 */
export function blockSumsOfSquares(
  values: usize,
  count: usize,
  block: usize,
  sums: usize,
  largest: usize,
): void {
  const bytes = block << 2;
  const end = values + (count << 2);
  let top: u32 = 0;
  while (end - values >= bytes << 3) {
    top = max(top, sumEightBlocks(values, bytes, sums));
    values += bytes << 3;
    sums += 64;
  }
  while (values < end) {
    const next = values + min(bytes, end - values);
    let sum: f64 = 0;
    while (values < next) {
      const value = load<f32>(values);
      sum += <f64>value * <f64>value;
      top = max(top, magnitudeBits(value));
      values += 4;
    }
    store<f64>(sums, sum);
    sums += 8;
  }
  store<u32>(largest, top);
}

/** `bytes` of a block: a multiple of 16. Returns the largest magnitude. */
function sumEightBlocks(values: usize, bytes: usize, sums: usize): u32 {
  let top = i32x4.splat(0);
  let ab = f64x2.splat(0);
  let cd = f64x2.splat(0);
  let ef = f64x2.splat(0);
  let gh = f64x2.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    let left = values + at;
    let right = left + bytes;
    ab = squaresAdded(ab, v128.load(left), v128.load(right));
    top = largerOfPair(top, v128.load(left), v128.load(right));
    left = right + bytes;
    right = left + bytes;
    cd = squaresAdded(cd, v128.load(left), v128.load(right));
    top = largerOfPair(top, v128.load(left), v128.load(right));
    left = right + bytes;
    right = left + bytes;
    ef = squaresAdded(ef, v128.load(left), v128.load(right));
    top = largerOfPair(top, v128.load(left), v128.load(right));
    left = right + bytes;
    right = left + bytes;
    gh = squaresAdded(gh, v128.load(left), v128.load(right));
    top = largerOfPair(top, v128.load(left), v128.load(right));
  }
  v128.store(sums, ab, 0);
  v128.store(sums, cd, 16);
  v128.store(sums, ef, 32);
  v128.store(sums, gh, 48);
  return largestLane(top);
}

function largerOfPair(top: v128, left: v128, right: v128): v128 {
  return largerMagnitudes(largerMagnitudes(top, left), right);
}

/** sums [left, right] + the squares of four elements of two blocks, one element after the other. */
function squaresAdded(sums: v128, left: v128, right: v128): v128 {
  const first = v128.shuffle<f32>(left, right, 0, 4, 1, 5);
  const last = v128.shuffle<f32>(left, right, 2, 6, 3, 7);
  sums = squareAdded(sums, f64x2.promote_low_f32x4(first));
  sums = squareAdded(sums, f64x2.promote_low_f32x4(v128.shuffle<f32>(first, first, 2, 3, 2, 3)));
  sums = squareAdded(sums, f64x2.promote_low_f32x4(last));
  return squareAdded(sums, f64x2.promote_low_f32x4(v128.shuffle<f32>(last, last, 2, 3, 2, 3)));
}

function squareAdded(sums: v128, values: v128): v128 {
  return f64x2.add(sums, f64x2.mul(values, values));
}

/** The largest magnitude of float32 [count], to `largest`: float32 [1]. */
export function largestMagnitude(values: usize, count: usize, largest: usize): void {
  const end = values + (count << 2);
  const wide = values + ((count >> 2) << 4);
  let top = i32x4.splat(0);
  while (values < wide) {
    top = largerMagnitudes(top, v128.load(values));
    values += 16;
  }
  let last = largestLane(top);
  while (values < end) {
    last = max(last, magnitudeBits(load<f32>(values)));
    values += 4;
  }
  store<u32>(largest, last);
}

/** left = bf16(left + right): float32 [count] each, the result's lower halves zero. */
export function addBfloat16(left: usize, right: usize, count: usize): void {
  const end = left + (count << 2);
  const wide = left + ((count >> 3) << 5);
  while (left < wide) {
    const a = f32x4.add(v128.load(left, 0), v128.load(right, 0));
    const b = f32x4.add(v128.load(left, 16), v128.load(right, 16));
    v128.store(left, rounded(a), 0);
    v128.store(left, rounded(b), 16);
    left += 32;
    right += 32;
  }
  while (left < end) {
    const sum = load<f32>(left) + load<f32>(right);
    store<u32>(left, upperHalf(sum) << 16);
    left += 4;
    right += 4;
  }
}

/** values = bf16(values): float32 [count], in place. */
export function roundBfloat16(values: usize, count: usize): void {
  const end = values + (count << 2);
  const wide = values + ((count >> 3) << 5);
  while (values < wide) {
    const a = v128.load(values, 0);
    const b = v128.load(values, 16);
    v128.store(values, rounded(a), 0);
    v128.store(values, rounded(b), 16);
    values += 32;
  }
  while (values < end) {
    store<u32>(values, upperHalf(load<f32>(values)) << 16);
    values += 4;
  }
}

/** float32 [count] to bfloat16 [count]. */
export function encodeBfloat16(values: usize, halves: usize, count: usize): void {
  const end = values + (count << 2);
  const wide = values + ((count >> 3) << 5);
  while (values < wide) {
    const low = i32x4.shr_u(rounded(v128.load(values, 0)), 16);
    const high = i32x4.shr_u(rounded(v128.load(values, 16)), 16);
    v128.store(halves, i16x8.narrow_i32x4_u(low, high));
    values += 32;
    halves += 16;
  }
  while (values < end) {
    store<u16>(halves, <u16>upperHalf(load<f32>(values)));
    values += 4;
    halves += 2;
  }
}

/** bfloat16 [count] to float32 [count]. */
export function decodeBfloat16(halves: usize, values: usize, count: usize): void {
  const end = values + (count << 2);
  const wide = values + ((count >> 3) << 5);
  while (values < wide) {
    const both = v128.load(halves);
    v128.store(values, i32x4.shl(i32x4.extend_low_i16x8_u(both), 16), 0);
    v128.store(values, i32x4.shl(i32x4.extend_high_i16x8_u(both), 16), 16);
    values += 32;
    halves += 16;
  }
  while (values < end) {
    store<u32>(values, (<u32>load<u16>(halves)) << 16);
    values += 4;
    halves += 2;
  }
}

/** bf16(values) as float32: rounded to nearest, ties to even; a NaN gets its quiet bit instead. */
function rounded(values: v128): v128 {
  const odd = v128.and(i32x4.shr_u(values, 16), i32x4.splat(1));
  const carried = i32x4.add(values, i32x4.add(odd, i32x4.splat(0x7fff)));
  const quieted = v128.or(values, i32x4.splat(0x400000));
  const chosen = v128.bitselect(carried, quieted, f32x4.eq(values, values));
  return v128.and(chosen, i32x4.splat(0xffff0000));
}

/** The same of one value: its upper half. */
function upperHalf(value: f32): u32 {
  const word = reinterpret<u32>(value);
  if ((word & 0x7fffffff) > 0x7f800000) return (word >> 16) | 0x40;
  return (word + 0x7fff + ((word >> 16) & 1)) >> 16;
}
