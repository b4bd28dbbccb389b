/**
 * What a JPEG file says of itself before its pixels: whether it is of the plain kind for which every decoder of the
 * libjpeg family gives the same pixels, with nothing else to be done to them. Anything unusual is not plain: then the
 * general decoder takes it. Decodes nothing.
 */
import type { ImageSpec } from "../../shared/spec.js";
import { isUpright } from "./exif-orientation.js";

export interface PlainJpeg {
  readonly height: number;
  readonly width: number;
}

/** Start of frame: baseline and progressive Huffman coding. The other twelve codings are rare or not decoded at all. */
const plainFrames: readonly number[] = [0xc0, 0xc2];
const startOfScan = 0xda;

/**
 * The size of a plain JPEG: 8 bits, grey or YCbCr with the usual subsampling, upright, and without a profile that
 * `colour` would have to follow, with its end where the file ends; null for every other file.
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

/** From the start of image to the end of image, the last of a file that was not cut. */
const isWhole = (file: Buffer) =>
  file.length >= 4 && file.readUInt16BE(0) === 0xffd8 && file.readUInt16BE(file.length - 2) === 0xffd9;

/** Up to the first scan; ends early where the file is not what it should be. */
function* segments(file: Buffer): Generator<{ marker: number; body: Buffer }> {
  for (let at = 2; at + 4 <= file.length; ) {
    const marker = file[at + 1] as number;
    const end = at + 2 + file.readUInt16BE(at + 2);
    if (file[at] !== 0xff || marker < 0xc0 || marker === 0xff || end > file.length) return;
    yield { marker, body: file.subarray(at + 4, end) };
    at = end;
  }
}

/** SOF0 to SOF15; C4, C8 and CC in between are tables and an extension. */
const isFrame = (marker: number) => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** Precision, height, width, components; each component: number, sampling factors, table (ITU T.81, B.2.2). */
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
