/** Makes thumbnails of a few images of each class, for the import's report. */
import { uprightImage } from "../decoding/exif-orientation.js";
import type { ExaminedImage } from "./examine-images.js";

/** The thumbnails of each class as data URIs, by the class' name. */
export type Thumbnails = ReadonlyMap<string, readonly string[]>;

const perClass = 5;
/** Most thumbnails on a page, so that a data set of a thousand classes gets a page of moderate size. */
const mostImages = 300;
const sidePixels = 96;

/** Makes thumbnails of the first images of each class, upright, as JPEG data URIs. */
export async function makeThumbnails(examined: readonly ExaminedImage[]): Promise<Thumbnails> {
  const byClass = new Map<string, ExaminedImage[]>();
  for (const one of examined) {
    const some = byClass.get(one.image.className) ?? [];
    if (some.length < perClass) byClass.set(one.image.className, [...some, one]);
  }
  const made = new Map<string, string[]>();
  let images = 0;
  for (const [name, some] of byClass) {
    if (images >= mostImages) break;
    made.set(name, await Promise.all(some.map(thumbnail)));
    images += some.length;
  }
  return made;
}

async function thumbnail({ image }: ExaminedImage): Promise<string> {
  const small = await uprightImage(await image.read(), { failOn: "error" })
    .resize(sidePixels, sidePixels, { fit: "inside", withoutEnlargement: true })
    .flatten({ background: "white" })
    .toColourspace("srgb")
    .jpeg({ quality: 80 })
    .toBuffer();
  return `data:image/jpeg;base64,${small.toString("base64")}`;
}
