/**
 * Files whose end is missing although a decoder would still give all their pixels: the cut is in the end
 * marker. Such a file was not copied whole, and its owner wants to know. The decoder finds every deeper cut.
 */
import type { ImageFormat } from "./image-format.js";

/** Whether a file of the format stops before its end marker. Formats without one: false. */
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

/** Walks the chunks (length, type, body, CRC) to a whole IEND. */
function hasWholeEnd(file: Buffer): boolean {
  for (let at = 8; at + 12 <= file.length; ) {
    const end = at + 12 + file.readUInt32BE(at);
    if (file.toString("latin1", at + 4, at + 8) === "IEND") return end <= file.length;
    at = end;
  }
  return false;
}
