/**
 * Decodes an image file to the model's input: uint8 [height, width, channels]. Import, training, evaluation and predict
 * all use this code, so their pixels can't differ. It converts colour, alpha and depth; exif-orientation.ts rotates,
 * resize.ts resizes, and image-format.ts recognises the format.
 */
import sharp from "sharp";
import { TrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import type { ImageSpec } from "../../shared/spec.js";
import { uprightImage } from "./exif-orientation.js";
import { decodeGreyPng } from "./grey-png.js";
import { detectFormat, type ImageFormat } from "./image-format.js";
import { plainJpeg } from "./plain-jpeg.js";
import type { PlainJpegDecoder } from "./plain-jpeg-decoder.js";
import { type Pixels, resizePixels } from "./resize.js";
import { isCutShort } from "./truncated-file.js";

// Several images are decoded at a time, so one thread for each is enough. sharp's cache would never hit.
sharp.concurrency(1);
sharp.cache(false);

/** How colours are read: `srgb` or `as-stored`; `decodeFile` says what each means. */
export type Colour = ImageSpec["colour"];

/** The format that a file's content has, and its pixels. */
export interface DecodedFile {
  readonly format: ImageFormat;
  /** Pixels of the upright image: the EXIF orientation is applied. */
  readonly pixels: Pixels;
}

/**
 * Decodes a file and resizes the image by the model's rule.
 * @param plainJpegs a faster decoder for plain JPEG files, with the same pixels.
 * @returns exactly height x width x channels bytes.
 * @throws TrainyardError INPUT; its message completes "photo.jpg …": "is a BMP image, not an image that can be read".
 */
export async function decodeImage(
  bytes: Uint8Array,
  image: ImageSpec,
  plainJpegs?: PlainJpegDecoder,
): Promise<Uint8Array> {
  const pixels = await pixelsOf(bytes, image, plainJpegs);
  return resizePixels(withChannels(pixels, image.channels), image);
}

/** The file's pixels, from the fastest decoder that takes the file. */
async function pixelsOf(bytes: Uint8Array, image: ImageSpec, plainJpegs?: PlainJpegDecoder): Promise<Pixels> {
  const digit = decodeGreyPng(bytes);
  if (digit !== null) return { ...digit, channels: 1 };
  const plain = plainJpegs === undefined ? null : decodePlain(bytes, image, plainJpegs);
  return plain ?? (await decodeFile(bytes, image.colour)).pixels;
}

/** The pixels of a plain JPEG file. Null when the file is not one, or when the decoder does not take it. */
function decodePlain(bytes: Uint8Array, image: ImageSpec, decode: PlainJpegDecoder): Pixels | null {
  const from = plainJpeg(bytes, image.colour);
  if (from === null || from.height * from.width > limits.imagePixels) return null;
  const to = image.resize === "nearest" ? { height: image.height, width: image.width } : null;
  const data = decode(bytes, from, to);
  return data === null ? null : { ...(to ?? from), channels: 3, data };
}

/**
 * Decodes a file to its upright pixels, always 3 channels.
 * - `srgb`: an embedded profile is converted to sRGB, CMYK too; alpha is flattened onto white, as a page shows it.
 * - `as-stored`: PIL's `convert("RGB")`: no profile is looked at, alpha is dropped, CMYK is (255 - C)(255 - K) / 255.
 * 16-bit samples are scaled to 8 bits. Of an animation only the first frame is decoded.
 * @throws TrainyardError INPUT.
 */
export async function decodeFile(bytes: Uint8Array, colour: Colour): Promise<DecodedFile> {
  const detected = detectFormat(bytes);
  if (!detected.supported) {
    const advice = detected.advice === "" ? "" : `; ${detected.advice}`;
    throw new TrainyardError("INPUT", `is ${detected.name}, not an image that can be read${advice}`);
  }
  const { format } = detected;
  if (isCutShort(bytes, format)) throw damaged(format, "its end is missing");
  try {
    return { format, pixels: await decodeWithSharp(bytes, colour) };
  } catch (caught) {
    if (caught instanceof TrainyardError) throw caught;
    throw explain(format, caught);
  }
}

async function decodeWithSharp(bytes: Uint8Array, colour: Colour): Promise<Pixels> {
  const source = uprightImage(bytes, {
    failOn: "error",
    ignoreIcc: colour === "as-stored",
    limitInputPixels: limits.imagePixels,
  });
  const { depth, space } = await source.metadata();
  if (depth !== "uchar" && depth !== "ushort") {
    const advice = "save it with 8 or 16 bits per channel";
    throw new TrainyardError("INPUT", `is an image of ${depth} samples, whose white is not known; ${advice}`);
  }
  const storedCmyk = space === "cmyk" && colour === "as-stored";
  const pipeline = storedCmyk
    ? source.pipelineColourspace("cmyk").toColourspace("cmyk")
    : source.toColourspace("srgb");
  const { data, info } = await pipeline.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
  const { height, width } = info;
  const rgb = storedCmyk ? cmykToRgb(data) : toRgb(data, info.channels, colour);
  return { height, width, channels: 3, data: rgb };
}

/** Interleaved pixels of 1 to 4 channels (grey, grey + alpha, RGB, RGBA) as RGB. */
function toRgb(data: Uint8Array, channels: number, colour: Colour): Uint8Array {
  if (channels === 3) return data;
  const hasAlpha = channels === 2 || channels === 4;
  const green = channels > 2 ? 1 : 0;
  const pixels = data.length / channels;
  const rgb = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const from = pixel * channels;
    const alpha = hasAlpha && colour === "srgb" ? (data[from + channels - 1] as number) : 255;
    for (let channel = 0; channel < 3; channel += 1) {
      rgb[pixel * 3 + channel] = onWhite(data[from + channel * green] as number, alpha);
    }
  }
  return rgb;
}

/** level * alpha + white * (1 - alpha), all of them 0 to 255, rounded. */
const onWhite = (level: number, alpha: number) =>
  alpha === 255 ? level : Math.round((level * alpha + 255 * (255 - alpha)) / 255);

/** Converts CMYK pixels as PIL does, without a colour profile. */
function cmykToRgb(data: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    const light = 255 - (data[from + 3] as number);
    for (let ink = 0; ink < 3; ink += 1) {
      rgb[to++] = Math.round(((255 - (data[from + ink] as number)) * light) / 255);
    }
  }
  return rgb;
}

/**
 * The image with 1 or 3 channels. Three to one: ITU-R 601-2 luma as PIL's `convert("L")`,
 * (19595 R + 38470 G + 7471 B + 32768) >> 16. One to three: three equal channels.
 */
export function withChannels(pixels: Pixels, channels: 1 | 3): Pixels {
  if (pixels.channels === channels) return pixels;
  const count = pixels.height * pixels.width;
  const data = new Uint8Array(count * channels);
  for (let pixel = 0; pixel < count; pixel += 1) {
    if (channels === 1) data[pixel] = luma(pixels.data, pixel * 3);
    else data.fill(pixels.data[pixel] as number, pixel * 3, pixel * 3 + 3);
  }
  return { ...pixels, channels, data };
}

const luma = (rgb: Uint8Array, at: number) =>
  ((rgb[at] as number) * 19595 + (rgb[at + 1] as number) * 38470 + (rgb[at + 2] as number) * 7471 + 0x8000) >>
  16;

function damaged(format: ImageFormat, why: string, cause?: unknown): TrainyardError {
  const message = `is a damaged ${format.toUpperCase()} image (${why}); copy it again or leave it out`;
  return new TrainyardError("INPUT", message, { cause });
}

/** The decoder's complaint as one sentence: libvips writes a line each, with the name of its class in front. */
function explain(format: ImageFormat, caught: unknown): TrainyardError {
  const text = caught instanceof Error ? caught.message : String(caught);
  if (/pixel limit/i.test(text)) {
    const most = limits.imagePixels.toLocaleString("en");
    const message = `is a ${format.toUpperCase()} image of more than ${most} pixels; make it smaller`;
    return new TrainyardError("INPUT", message, { cause: caught });
  }
  const first = text.split("\n")[0] ?? "";
  return damaged(format, first.replace(/^\s*(Input buffer has corrupt header: )?(Vips\w+: )?/i, ""), caught);
}
