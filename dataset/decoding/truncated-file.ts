/**
 * Recognises files that lack their end although a decoder would still return all pixels, because only the end marker is
 * cut. Such a file was not copied completely, and its owner should know. The decoder itself finds every larger cut.
 */
import type { ImageFormat } from "./image-format.js";

/** Whether the file stops before its end marker. Always false for formats without an end marker. */
export function isCutShort(bytes: Uint8Array, format: ImageFormat): boolean {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (format) {
    case "png":
      return !hasWholeEnd(file);
    case "webp":
      // RIFF: the size at 4 counts what follows it.
      return file.length < 12 || file.length < file.readUInt32LE(4) + 8;
    default:
      return false;
  }
}

/** Whether the PNG's chunks (length, type, body, CRC) lead to a complete IEND chunk. */
function hasWholeEnd(file: Buffer): boolean {
  for (let at = 8; at + 12 <= file.length; ) {
    const end = at + 12 + file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IEND") return end <= file.length;
    at = end;
  }
  return false;
}
