/**
 * The interface by which image files are decoded to images of one size, and the implementation that works in the
 * caller's thread (and sharp's). DecodePool implements it with threads of its own; the pixels are the same.
 */

import { mapBounded } from "../../shared/concurrency.js";
import { asTrainyardError, type TrainyardError } from "../../shared/errors.js";
import type { ImageSpec } from "../../shared/spec.js";
import { decodeImage } from "./decode-image.js";
import type { PlainJpegDecoder } from "./plain-jpeg-decoder.js";

/** The image, uint8 [height, width, channels], or the error of `decodeImage` (code INPUT) when the file has none. */
export type DecodedImage = Uint8Array | TrainyardError;

/** Decodes image files to images of one size. */
export interface ImageDecoder {
  /**
   * Decodes files; returns one outcome for each, in order. The files are not changed. A file that can't be decoded is an
   * outcome; the promise rejects only when the decoder itself fails, for instance when its thread is gone.
   */
  decode(files: readonly Uint8Array[]): Promise<DecodedImage[]>;
}

/** Files that one call decodes at a time: as many as libuv has threads. */
const filesAtATime = 4;

/** Decodes in the caller's thread. */
export class LocalDecoder implements ImageDecoder {
  readonly #image: ImageSpec;
  readonly #plainJpegs: PlainJpegDecoder | undefined;

  /** @param plainJpegs a faster decoder for plain JPEG files, with the same pixels. */
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
