/**
 * CRC-32C (Castagnoli), the checksum of every tensor chunk and of the weights in each commit, and the way to get a
 * whole vector's CRC from its slices' without touching the bytes again. SHA-256, which objects carry, is elsewhere.
 */
import { crc32c as nativeCrc32c } from "@node-rs/crc32";
import { TrainyardError } from "./errors.js";

/** The polynomial 0x1EDC6F41 with its bits reversed: bit 31 is x^0. */
const polynomial = 0x82f63b78;
const one = 0x80000000;

/** CRC-32C of the bytes as an unsigned number; `previous` is the CRC of all that came before them. */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  return nativeCrc32c(bytes, previous);
}

/**
 * CRC-32C of A followed by B, from the CRC of each and the length of B in bytes: crc(A) * x^(8 * bytesB) + crc(B)
 * modulo the polynomial over GF(2), as zlib's crc32_combine does for its own polynomial. O(log bytesB).
 */
export function crc32cCombine(crcA: number, crcB: number, bytesB: number): number {
  if (!Number.isSafeInteger(bytesB) || bytesB < 0) {
    throw new TrainyardError("USAGE", `the length of a CRC's bytes must be a whole number, not ${bytesB}`);
  }
  return (multiply(powerOfX8(bytesB), crcA) ^ crcB) >>> 0;
}

/** a * b modulo the polynomial, both bit-reversed. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if ((a >>> bit) & 1) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ polynomial : factor >>> 1;
  }
  return product >>> 0;
}

/** x^(2^k) for every k that a length below 2^53 bytes needs: squares[0] = x, each the square of the one before. */
const squares: readonly number[] = (() => {
  const table = [one >>> 1];
  for (let k = 1; k < 56; k += 1) {
    const last = table[k - 1] as number;
    table.push(multiply(last, last));
  }
  return table;
})();

/** x^(8 * bytes) modulo the polynomial. */
function powerOfX8(bytes: number): number {
  let power = one;
  let rest = bytes;
  for (let k = 3; rest > 0; k += 1) {
    if (rest % 2 === 1) power = multiply(squares[k] as number, power);
    rest = Math.floor(rest / 2);
  }
  return power;
}
