/**
 * EXIF orientation: a camera stores an image as its sensor saw it, and a tag says how to turn or mirror it. Every image
 * is made upright here, before anything else looks at its height and width.
 */
import sharp, { type Sharp, type SharpOptions } from "sharp";

/** The tag "Orientation" of EXIF 2.3, table 4; its value 1 means that the image is stored upright. */
const orientationTag = 0x0112;
const upright = 1;

/**
 * The image of a file, turned and mirrored as its EXIF orientation says, so that height and width are those of the
 * upright image. Decodes nothing yet.
 */
export function uprightImage(bytes: Uint8Array, options: Omit<SharpOptions, "autoOrient">): Sharp {
  return sharp(bytes, { ...options, autoOrient: true });
}

/**
 * Whether an EXIF block needs no rotation: it is whole, and it names no orientation or names "upright". A block that
 * can't be read whole counts as not upright.
 * @param tiff the TIFF structure of a JPEG's APP1 segment, after its prefix "Exif\0\0".
 */
export function isUpright(tiff: Buffer): boolean {
  const order = tiff.toString("latin1", 0, 2);
  if (tiff.length < 14 || (order !== "II" && order !== "MM")) return false;
  const isLittle = order === "II";
  const short = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
  const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
  if (directory + 2 > tiff.length) return false;
  const entries = short(directory);
  if (directory + 2 + 12 * entries > tiff.length) return false;
  for (let entry = directory + 2; entry < directory + 2 + 12 * entries; entry += 12) {
    if (short(entry) === orientationTag && short(entry + 8) !== upright) return false;
  }
  return true;
}
