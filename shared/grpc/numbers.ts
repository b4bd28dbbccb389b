/** 64-bit fields become checked numbers here and nowhere else: exact, or refused above 2^53 - 1. */
import { z } from "zod";

/**
 * A uint64 field as a safe integer. Its type says that it takes the decimal string to which proto-loader decodes the field;
 * it takes a number, too, because the simulator hands messages over without encoding them.
 */
export const uint64 = z
  .union([z.string().regex(/^\d+$/), z.number()])
  .transform(Number)
  .refine((value) => Number.isSafeInteger(value) && value >= 0, "a whole number up to 2^53 - 1") as z.ZodType<
  number,
  string
>;

/** A uint32 field. */
export const uint32 = z.number().int().min(0).max(0xffffffff);

/** A double field. It may be infinite or NaN; the receiver decides what that means. */
export const float64 = z.custom<number>((value) => typeof value === "number");

/** A bytes field. */
export const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/**
 * float64 vector from little-endian bytes; copies, because a wire buffer's alignment is arbitrary. (Not by slice():
 * a Buffer's shares memory.)
 */
export function float64From(data: Uint8Array): Float64Array {
  return new Float64Array(new Uint8Array(data).buffer);
}

/** float32 vector from little-endian bytes; copies, because a wire buffer's alignment is arbitrary. */
export function float32From(data: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(data).buffer);
}

/** The bytes of a typed array, without a copy. */
export function bytesOf(array: Float32Array | Float64Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** A repeated field. Its length is checked before its elements are. */
export const listOf = <Element extends z.ZodType>(element: Element, most: number) =>
  z
    .custom<z.input<Element>[]>(
      (value) => Array.isArray(value) && value.length <= most,
      `a list of at most ${most}`,
    )
    .pipe(z.array(element));
