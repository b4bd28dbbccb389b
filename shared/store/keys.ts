/**
 * What a key may be, one rule for every store: what a file system and an S3 server both hold unchanged. So a data
 * set can be copied from a folder to a bucket and back, and no store has to invent an escaping.
 */
import { TrainyardError } from "../errors.js";
import type { GetOptions } from "./object-store.js";

/** S3's limit for a whole key, and the file systems' (and MinIO's) for a part between slashes; UTF-8 bytes. */
export const keyBytesMax = 1024;
/** Longest part of a key between two slashes, in bytes: the limit of most file systems. */
export const segmentBytesMax = 255;

/**
 * Refuses, with USAGE: the empty key, empty parts (also from a slash at either end), `.` and `..`, NUL, broken
 * Unicode, and what is too long. NFC and NFD, and upper and lower case, are different keys.
 */
export function checkKey(key: string): void {
  const reason = complaint(key, key.split("/"));
  if (reason !== null) throw new TrainyardError("USAGE", `the key ${quote(key)} ${reason}`);
}

/** A prefix ends anywhere within a key: only its parts before the last slash must be whole. */
export function checkPrefix(prefix: string): void {
  const whole = prefix.split("/").slice(0, -1);
  const reason = whole.length === 0 ? null : complaint(prefix, whole);
  if (reason !== null) throw new TrainyardError("USAGE", `the prefix ${quote(prefix)} ${reason}`);
}

function complaint(text: string, segments: readonly string[]): string | null {
  if (/\p{Surrogate}/u.test(text)) return "is not well-formed Unicode (half a surrogate pair)";
  if (text.includes("\0")) return "holds a NUL character, which no file system takes";
  if (Buffer.byteLength(text) > keyBytesMax) return `is longer than ${keyBytesMax} bytes in UTF-8`;
  for (const segment of segments) {
    if (segment === "") return "has an empty part; parts are separated by single slashes";
    if (segment === "." || segment === "..") return `has a part ${quote(segment)}, which means a folder`;
    if (Buffer.byteLength(segment) > segmentBytesMax) {
      return `has a part of more than ${segmentBytesMax} bytes in UTF-8, which no file system takes; shorten it`;
    }
  }
  return null;
}

/** A key in a message: JSON's quotes, so that spaces and control characters show; long ones are cut. */
export function quote(key: string): string {
  return JSON.stringify(key.length > 300 ? `${key.slice(0, 300)}…` : key);
}

/** Code-point order, which is also UTF-8 byte order and S3's; `<` on strings differs beyond U+FFFF. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number) => unit >= 0xd800 && unit <= 0xdfff;

/** Both ends whole numbers, in order. What lies past the object's end is cut off, down to nothing. */
export function checkRange(range: GetOptions["range"]): void {
  if (range === undefined) return;
  const { begin, end } = range;
  if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin) {
    throw new TrainyardError(
      "USAGE",
      `a byte range must run from 0 or more to no less, not [${begin}, ${end})`,
    );
  }
}
