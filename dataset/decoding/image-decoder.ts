/**
 * From the bytes of several files to images of one size. Where that is computed is the implementation's: the one here
 * uses the caller's thread and sharp's; a worker has threads of its own (worker/decode-pool.ts). Pixels are the same.
 */

import { mapBounded } from "../../shared/concurrency.js";
import { asTrainyardError, type TrainyardError } from "../../shared/errors.js";
import type { ImageSpec } from "../../shared/spec.js";
import { decodeImage } from "./decode-image.js";
import type { PlainJpegDecoder } from "./plain-jpeg-decoder.js";

/** uint8 [height, width, channels], or why there is none: code INPUT, the message as decodeImage's. */
export type DecodedImage = Uint8Array | TrainyardError;

export interface ImageDecoder {
  /** One outcome for each file, in their order. The files are only read. Errors: only those of the place of work. */
  decode(files: readonly Uint8Array[]): Promise<DecodedImage[]>;
}

/** Images at a time of one call: as many as libuv has threads. */
const filesAtATime = 4;

export class LocalDecoder implements ImageDecoder {
  readonly #image: ImageSpec;
  readonly #plainJpegs: PlainJpegDecoder | undefined;

  constructor(image: ImageSpec, plainJpegs?: PlainJpegDecoder) {
    this.#image = image;
    this.#plainJpegs = plainJpegs;
  }

  decode(files: readonly Uint8Array[]): Promise<DecodedImage[]> {
    return mapBounded(files, filesAtATime, (file) =>
      decodeImage(file, this.#image, this.#plainJpegs).catch((caught) => asTrainyardError(caught, "INPUT")),
    );
  }
}
