/**
 * Recognises plain JPEG files by the segments before their pixels. For a plain file every decoder of the libjpeg family
 * gives the same pixels, and nothing else (rotation, colour profile) has to be done. All other files go through the
 * general decoder. Decodes nothing.
 */
import type { ImageSpec } from "../../shared/spec.js";
import { isUpright } from "./exif-orientation.js";

/** The size of a plain JPEG file's image. */
export interface PlainJpeg {
  readonly height: number;
  readonly width: number;
}

/** Start of frame: baseline and progressive Huffman coding. The other twelve codings are rare or not decoded at all. */
const plainFrames: readonly number[] = [0xc0, 0xc2];
const startOfScan = 0xda;

/**
 * The image size of a plain JPEG file: 8 bits, grey or YCbCr with the usual subsampling, stored upright, without a colour
 * profile that `colour` would have to follow, and not cut short. Null for every other file.
 */
export function plainJpeg(bytes: Uint8Array, colour: ImageSpec["colour"]): PlainJpeg | null {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!isWhole(file)) return null;
  let size: PlainJpeg | null = null;
  for (const { marker, body } of segments(file)) {
    if (marker === startOfScan) return size;
    if (isFrame(marker)) {
      size = plainFrames.includes(marker) ? plainFrame(body) : null;
      if (size === null) return null;
    } else if (!isPlainSegment(marker, body, colour)) return null;
  }
  return null;
}

/** Whether the file starts with the marker "start of image" and ends with "end of image", so that it was not cut short. */
const isWhole = (file: Buffer) =>
  file.length >= 4 && file.readUInt16BE(0) === 0xffd8 && file.readUInt16BE(file.length - 2) === 0xffd9;

/** The segments of the file up to the first scan. The list ends early where the file is malformed. */
function* segments(file: Buffer): Generator<{ marker: number; body: Buffer }> {
  for (let at = 2; at + 4 <= file.length; ) {
    const marker = file[at + 1] as number;
    const end = at + 2 + file.readUInt16BE(at + 2);
    if (file[at] !== 0xff || marker < 0xc0 || marker === 0xff || end > file.length) return;
    yield { marker, body: file.subarray(at + 4, end) };
    at = end;
  }
}

/** Whether a marker begins a frame (SOF0 to SOF15). C4, C8 and CC in between are tables and an extension. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/**
 * The image size from a frame header, or null when the frame is not plain. The header holds precision, height, width and
 * the components; each component has a number, sampling factors and a table (ITU T.81, B.2.2).
 */
function plainFrame(body: Buffer): PlainJpeg | null {
  if (body.length < 9 || body[0] !== 8) return null;
  const [height, width, components] = [body.readUInt16BE(1), body.readUInt16BE(3), body[5] as number];
  if (height === 0 || width === 0 || body.length !== 6 + 3 * components) return null;
  if (components === 1) return { height, width };
  const [y, cb, cr] = [0, 1, 2].map((at) => body.readUInt16BE(6 + 3 * at));
  // Component numbers 1, 2, 3; Y sampled 1x1, 2x1 or 2x2, the others once.
  const isUsual = y !== undefined && [0x0111, 0x0121, 0x0122].includes(y) && cb === 0x0211 && cr === 0x0311;
  return components === 3 && isUsual ? { height, width } : null;
}

function isPlainSegment(marker: number, body: Buffer, colour: ImageSpec["colour"]): boolean {
  switch (marker) {
    case 0xe1:
      return hasPrefix(body, "Exif\0\0") ? isUpright(body.subarray(6)) : !body.includes("hdrgm");
    case 0xe2:
      return hasPrefix(body, "ICC_PROFILE\0") && colour === "as-stored";
    case 0xee:
      // Adobe's: 1 = YCbCr.
      return !hasPrefix(body, "Adobe") || body[11] === 1;
    default:
      return true;
  }
}

const hasPrefix = (body: Buffer, prefix: string) =>
  body.length >= prefix.length && body.toString("latin1", 0, prefix.length) === prefix;
