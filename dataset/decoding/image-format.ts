/**
 * Recognises what a file is by its first bytes, never by its name. For a format that can't be decoded it knows what the
 * user should do. Decodes nothing.
 */

/** The image formats that are decoded: those of photographs that sharp's prebuilt libvips can read. */
export type ImageFormat = "jpeg" | "png" | "gif" | "webp" | "tiff" | "avif";

/** The file extension of each format; names a sample's member in the tar of a shard. */
export const extensions: Readonly<Record<ImageFormat, string>> = {
  jpeg: "jpg",
  png: "png",
  gif: "gif",
  webp: "webp",
  tiff: "tif",
  avif: "avif",
};

/** What a file is: an image of a supported format, or something else. */
export type Detected =
  | { readonly supported: true; readonly format: ImageFormat }
  /** `name` says in words what it is ("a BMP image"). `advice` says what to do about it, or is empty. */
  | { readonly supported: false; readonly name: string; readonly advice: string };

/** Number of bytes from the beginning of a file that `detectFormat` needs. */
export const headBytes = 512;

const ascii = (bytes: Uint8Array, begin: number, end: number) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1", begin, end);

const convert = (file: string) => `convert it to JPEG or PNG, e.g. magick ${file} image.png`;

/** Recognises the format of a file from its first bytes; `headBytes` of them are enough. */
export function detectFormat(bytes: Uint8Array): Detected {
  const format = supportedFormat(bytes);
  if (format !== null) return { supported: true, format };
  const [name, advice] = unsupportedFormat(bytes);
  return { supported: false, name, advice };
}

function supportedFormat(bytes: Uint8Array): ImageFormat | null {
  const head = ascii(bytes, 0, 16);
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (/^(II[*+]\0|MM\0[*+])/.test(head)) return "tiff";
  if (head.slice(4, 8) === "ftyp" && isAvif(bytes)) return "avif";
  return null;
}

/** ISO base media brands: major at 8, compatible ones from 16 to the end of the box. */
function isAvif(bytes: Uint8Array): boolean {
  const size = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
  return /avi[fs]/.test(ascii(bytes, 8, Math.min(size, headBytes)));
}

function unsupportedFormat(bytes: Uint8Array): [name: string, advice: string] {
  if (bytes.length === 0) return ["an empty file", "copy it again"];
  if (bytes.every((byte) => byte === 0)) return ["a file of zero bytes", "copy it again"];
  const head = ascii(bytes, 0, 64);
  if (head.startsWith("BM")) return ["a BMP image", convert("image.bmp")];
  if (head.slice(4, 8) === "ftyp") return isoMedia(head);
  if (head.startsWith("%PDF")) return ["a PDF document", ""];
  if (head.startsWith("PK\x03\x04")) return ["a ZIP archive", "unpack it first"];
  if (head.startsWith("\x1f\x8b")) return ["a gzip archive", "unpack it first"];
  if (head.startsWith("8BPS")) return ["a Photoshop document", convert("image.psd")];
  if (head.startsWith("\0\0\x01\0")) return ["an icon file", convert("image.ico")];
  if (head.startsWith("\xff\x0a") || head.slice(4, 8) === "JXL ")
    return ["a JPEG XL image", convert("image.jxl")];
  if (head.slice(4, 8) === "jP  ") return ["a JPEG 2000 image", convert("image.jp2")];
  return textual(bytes);
}

function isoMedia(head: string): [name: string, advice: string] {
  const brand = head.slice(8, 12);
  if (/^(hei|hev|mif1|msf1)/.test(brand)) return ["an HEIC image", convert("image.heic")];
  return ["a video or another ISO media file", ""];
}

function textual(bytes: Uint8Array): [name: string, advice: string] {
  const text = ascii(bytes, 0, headBytes)
    .replace(/^\xef\xbb\xbf/, "")
    .trimStart()
    .toLowerCase();
  if (/^<(!doctype html|html|head|body)/.test(text)) return ["an HTML page", "download the image itself"];
  if (text.includes("<svg")) return ["an SVG drawing", convert("image.svg")];
  const isText = [...text].every((letter) => letter >= " " || /\s/.test(letter));
  return isText ? ["a text file", ""] : ["of a kind that is not known", convert("image")];
}
