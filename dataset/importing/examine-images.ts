/**
 * Examines each file of an import once: hashes it and decodes it completely, so that a damaged file is found now and not
 * at step 60 of epoch 1. Keeps what the import plan needs, and no pixels.
 */
import { createHash } from "node:crypto";
import { mapBounded } from "../../shared/concurrency.js";
import { asTrainyardError } from "../../shared/errors.js";
import { decodeFile } from "../decoding/decode-image.js";
import { extensions } from "../decoding/image-format.js";
import { reasonOf, type SkippedFiles } from "./folder-tree.js";
import type { ImageSource, SourceImage } from "./image-source.js";

/** What an import knows of a file that decodes. */
export interface ExaminedImage {
  readonly image: SourceImage;
  readonly bytes: number;
  /** SHA-256 of the file's bytes, in hex. */
  readonly sha256: string;
  /** File extension of the sample's member in the shard, by the file's content: "jpg". */
  readonly extension: string;
  /** Size of the upright image. */
  readonly height: number;
  readonly width: number;
  readonly isGrey: boolean;
}

/** Two cores decode while other files are read; four images at a time bound the memory. */
const filesAtATime = 4;

/** The SHA-256 of some bytes, in hex. */
export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Examines every image of the source. Returns those that decode, in order; lists the others in `skipped.rejected`. */
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

/** Examines one image. Returns what is known of it, or the reason why it can't be used. */
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

/** Whether all RGB pixels are grey. Ends at the first pixel that is not. */
function isGrey(rgb: Uint8Array): boolean {
  for (let at = 0; at < rgb.length; at += 3) {
    if (rgb[at] !== rgb[at + 1] || rgb[at] !== rgb[at + 2]) return false;
  }
  return true;
}
