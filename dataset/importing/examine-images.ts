/**
 * The one look that an import takes at each file: its bytes are hashed and decoded whole, so that nothing is found
 * out at step 60 of epoch 1. Keeps what the plan needs and none of the pixels.
 */
import { createHash } from "node:crypto";
import { mapBounded } from "../../shared/concurrency.js";
import { asTrainyardError } from "../../shared/errors.js";
import { decodeFile } from "../decoding/decode-image.js";
import { extensions } from "../decoding/image-format.js";
import { reasonOf, type SkippedFiles } from "./folder-tree.js";
import type { ImageSource, SourceImage } from "./image-source.js";

/** An image that decodes. */
export interface ExaminedImage {
  readonly image: SourceImage;
  readonly bytes: number;
  /** SHA-256 of the file, hex. */
  readonly sha256: string;
  /** Of its member in the shard, by content: "jpg". */
  readonly extension: string;
  /** Upright size. */
  readonly height: number;
  readonly width: number;
  readonly isGrey: boolean;
}

/** Two cores decode while others read; four images at a time bound the memory. */
const filesAtATime = 4;

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Every image of the source that decodes, in order; the others are listed in `skipped` as rejected. */
export async function examineAll(
  source: ImageSource,
  skipped: SkippedFiles,
  options: { onDone(done: number, total: number): void; signal?: AbortSignal | undefined },
): Promise<ExaminedImage[]> {
  const { images } = source;
  let done = 0;
  const results = await mapBounded(
    images,
    filesAtATime,
    async (image) => {
      const result = await examine(image);
      options.onDone(++done, images.length);
      return result;
    },
    options.signal,
  );
  const examined: ExaminedImage[] = [];
  results.forEach((result, index) => {
    if (typeof result !== "string") examined.push(result);
    else skipped.rejected.push({ source: (images[index] as SourceImage).source, reason: result });
  });
  return examined;
}

/** The image, or the reason why it can't be used. */
async function examine(image: SourceImage): Promise<ExaminedImage | string> {
  let bytes: Uint8Array;
  try {
    bytes = await image.read();
  } catch (caught) {
    return reasonOf(caught);
  }
  const known = { image, bytes: bytes.length, sha256: sha256(bytes) };
  if (image.size !== undefined) return { ...known, ...image.size, extension: "png", isGrey: true };
  try {
    const { format, pixels } = await decodeFile(bytes, "srgb");
    const { height, width, data } = pixels;
    return { ...known, height, width, extension: extensions[format], isGrey: isGrey(data) };
  } catch (caught) {
    return asTrainyardError(caught, "INPUT").message;
  }
}

/** Whether all RGB pixels are grey; a colour image says no within its first pixels. */
function isGrey(rgb: Uint8Array): boolean {
  for (let at = 0; at < rgb.length; at += 3) {
    if (rgb[at] !== rgb[at + 1] || rgb[at] !== rgb[at + 2]) return false;
  }
  return true;
}
