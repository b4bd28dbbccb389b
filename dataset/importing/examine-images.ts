/**
 * The one look that an import takes at each file: its bytes are hashed and decoded whole, so that nothing is found
 * out at step 60 of epoch 1. Keeps what the plan needs and none of the pixels.
 */
import { createHash } from "node:crypto";
import { mapBounded } from "../../shared/concurrency.js";
import { asTrainyardError } from "../../shared/errors.js";
import { decodeFile } from "../decoding/decode-image.js";
import { extensions } from "../decoding/image-format.js";
import { type Ledger, reasonOf } from "./folder-tree.js";
import type { Source, SourceImage } from "./image-source.js";

/** A picture that decodes. */
export interface Examined {
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

/** Two cores decode while others read; four pictures at a time bound the memory. */
const filesAtATime = 4;

export const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Every picture of the source that decodes, in order; the others enter the ledger's rejected list. */
export async function examineAll(
  source: Source,
  ledger: Ledger,
  options: { onDone(done: number, total: number): void; signal?: AbortSignal | undefined },
): Promise<Examined[]> {
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
  const examined: Examined[] = [];
  results.forEach((result, index) => {
    if (typeof result !== "string") examined.push(result);
    else ledger.rejected.push({ source: (images[index] as SourceImage).source, reason: result });
  });
  return examined;
}

/** The picture, or the reason why it can't be used. */
async function examine(image: SourceImage): Promise<Examined | string> {
  let bytes: Uint8Array;
  try {
    bytes = await image.read();
  } catch (caught) {
    return reasonOf(caught);
  }
  const known = { image, bytes: bytes.length, sha256: sha256(bytes) };
  if (image.picture !== undefined) return { ...known, ...image.picture, extension: "png", isGrey: true };
  try {
    const { format, pixels } = await decodeFile(bytes, "srgb");
    const { height, width, data } = pixels;
    return { ...known, height, width, extension: extensions[format], isGrey: isGrey(data) };
  } catch (caught) {
    return asTrainyardError(caught, "INPUT").message;
  }
}

/** Whether all RGB pixels are grey; a colour picture says no within its first pixels. */
function isGrey(rgb: Uint8Array): boolean {
  for (let at = 0; at < rgb.length; at += 3) {
    if (rgb[at] !== rgb[at + 1] || rgb[at] !== rgb[at + 2]) return false;
  }
  return true;
}
