/**
 * bfloat16 for `--wire bfloat16`, in plain TypeScript on bit patterns: the upper half of a float32, rounded to nearest,
 * ties to even (IEEE 754's default). What has no room overflows to an infinity, as in any such rounding; a NaN stays a
 * NaN. This is also the specification that the reducers' kernels (simd.ts) are tested against.
 */

const infinity = 0x7f800000;
const quiet = 0x0040;

/** The words of a float32 vector, without a copy. */
export const wordsOf = (values: Float32Array): Uint32Array =>
  new Uint32Array(values.buffer, values.byteOffset, values.length);

/** float32 [n] to bfloat16 [n]; `target` must have the source's length. */
export function encodeBfloat16(source: Float32Array, target: Uint16Array): void {
  checkLengths(source, target);
  const words = wordsOf(source);
  for (let i = 0; i < words.length; i += 1) target[i] = roundedHalf(words[i] as number);
}

/** bfloat16 [n] to the same values in float32 [n]; exact. */
export function decodeBfloat16(source: Uint16Array, target: Float32Array): void {
  checkLengths(source, target);
  const words = wordsOf(target);
  for (let i = 0; i < words.length; i += 1) words[i] = (source[i] as number) << 16;
}

/** values = bf16(values), in place: what a leaf of a bfloat16 tree is. Doing it again changes nothing. */
export function roundToBfloat16(values: Float32Array): void {
  const words = wordsOf(values);
  for (let i = 0; i < words.length; i += 1) words[i] = roundedHalf(words[i] as number) << 16;
}

/** left = bf16(float32(left + right)), element by element: the value of a bfloat16 tree's inner node. */
export function addBfloat16Into(left: Float32Array, right: Float32Array): void {
  const words = wordsOf(left);
  for (let i = 0; i < left.length; i += 1) {
    left[i] = (left[i] as number) + (right[i] as number);
    words[i] = roundedHalf(words[i] as number) << 16;
  }
}

/** The upper 16 bits of a float32's pattern, rounded: adding 0x7fff, or 0x8000 to an odd one, carries as it must. */
function roundedHalf(word: number): number {
  if ((word & 0x7fffffff) > infinity) return (word >>> 16) | quiet;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}

function checkLengths(source: ArrayLike<number>, target: ArrayLike<number>): void {
  if (source.length === target.length) return;
  throw new Error(`a vector of ${source.length} elements was to fill one of ${target.length}`);
}
