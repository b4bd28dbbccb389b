/** The messages between a decode pool and its threads. */
import type { ImageSpec } from "../../shared/spec.js";
import type { PlainJpegDecoderModule } from "./plain-jpeg-decoder.js";

/** What a decode thread is started with (its `workerData`). */
export interface DecodeThreadOptions {
  /** Size, channels and resize rule of the images that the thread returns. */
  readonly image: ImageSpec;
  /** A faster decoder for plain JPEG files. Default: the general decoder decodes them too, to the same pixels. */
  readonly plainJpegs?: PlainJpegDecoderModule;
}

/** Asks a thread to decode several image files. */
export interface DecodeRequest {
  readonly id: number;
  /** The files' bytes, one file after another; transferred, so the thread owns them. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset in `bytes` at which each file ends. */
  readonly ends: readonly number[];
}

/** A thread's answer to a DecodeRequest of the same `id`. */
export interface DecodeReply {
  readonly id: number;
  /** uint8 [files, height, width, channels]; undefined content where a file failed. Transferred to the receiver. */
  readonly images: Uint8Array<ArrayBuffer>;
  /** Index of each file that can't be decoded, and why. */
  readonly failures: readonly (readonly [file: number, message: string])[];
}
