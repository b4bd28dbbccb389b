/** Predictions file by file: decoded as training decodes, in blocks, in the order of the files. */
import { readFile } from "node:fs/promises";
import { decodeImage } from "../dataset/decoding/decode-image.js";
import { reasonOf } from "../dataset/importing/folder-tree.js";
import type { Engine } from "../engine/engine.js";
import { mapBounded } from "../shared/concurrency.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { type ImageSpec, imageBytesOf } from "../shared/spec.js";
import type { ImageFile } from "./image-files.js";

/** What a model makes of one image. */
export type Prediction =
  | {
      /** The file as it was named; null for an image that was given as bytes. */
      readonly path: string | null;
      /** The most probable class. */
      readonly class: string;
      /** Probability of that class, from 0 to 1. */
      readonly probability: number;
      /** Probabilities of all classes, in label order; they add up to 1. */
      readonly probabilities: readonly number[];
    }
  | {
      readonly path: string | null;
      /** Why the image can't be read or decoded. */
      readonly error: string;
    };

/** Files read and decoded at a time: as many as libuv has threads. */
const filesAtATime = 4;

type Decoded = { readonly pixels: Uint8Array } | { readonly error: string };

/** One per file; a file that can't be read or decoded is one with an error. */
export async function* predictFiles(
  engine: Pick<Engine, "predict">,
  model: { readonly classes: readonly string[]; readonly image: ImageSpec },
  files: readonly ImageFile[],
  signal?: AbortSignal,
): AsyncGenerator<Prediction> {
  for (let at = 0; at < files.length; at += limits.evaluationBlock) {
    const block = files.slice(at, at + limits.evaluationBlock);
    const decoded = await mapBounded(block, filesAtATime, (file) => decode(file, model.image), signal);
    const rows = probabilityRows(engine, model, decoded);
    for (const [index, { path }] of block.entries()) {
      const result = decoded[index] as Decoded;
      yield "error" in result
        ? { path, error: result.error }
        : { path, ...decided(model.classes, rows.next().value as Float32Array) };
    }
  }
}

async function decode(file: ImageFile, image: ImageSpec): Promise<Decoded> {
  if ("error" in file) return file;
  try {
    const bytes = "bytes" in file ? file.bytes : await read(file.file);
    return { pixels: await decodeImage(bytes, image) };
  } catch (caught) {
    if (caught instanceof TrainyardError) return { error: caught.message };
    throw caught;
  }
}

async function read(file: string | Buffer): Promise<Uint8Array> {
  return await readFile(file).catch((caught) => {
    throw new TrainyardError("INPUT", `can't be read: ${reasonOf(caught)}`, { cause: caught });
  });
}

/** The probabilities of the images that could be decoded, in order: float32 [classes] each. */
function* probabilityRows(
  engine: Pick<Engine, "predict">,
  { classes, image }: { readonly classes: readonly string[]; readonly image: ImageSpec },
  decoded: readonly Decoded[],
): Generator<Float32Array> {
  const readable = decoded.flatMap((result) => ("pixels" in result ? [result.pixels] : []));
  if (readable.length === 0) return;
  const images = new Uint8Array(readable.length * imageBytesOf(image));
  for (const [index, pixels] of readable.entries()) images.set(pixels, index * pixels.length);
  const probabilities = engine.predict(images);
  for (let row = 0; row < readable.length; row += 1) {
    yield probabilities.subarray(row * classes.length, (row + 1) * classes.length);
  }
}

/** The most probable class, the first of equals: of two classes the second from above 0.5 on. */
function decided(classes: readonly string[], row: Float32Array) {
  const probabilities = [...row];
  const best = probabilities.indexOf(Math.max(...probabilities));
  return { class: classes[best] ?? "", probability: probabilities[best] ?? Number.NaN, probabilities };
}
