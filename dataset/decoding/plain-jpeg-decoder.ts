/**
 * The interface for plugging in a faster decoder of plain JPEG files. The room dataset/ does not depend on TensorFlow, so
 * the options of a decode pool name the module of such a decoder. The engine has one that uses TensorFlow's libjpeg.
 */
import type { PlainJpeg } from "./plain-jpeg.js";

/**
 * A fast decoder of plain JPEG files (plain-jpeg.ts says which are plain). It returns uint8 [height, width, 3]: the whole
 * image, or, with `to`, the image resized by the rule `nearest`. Its pixels equal those of `decodeFile`. It returns null
 * for a file that it does not take; the general decoder then decodes the file or explains what is wrong with it.
 */
export type PlainJpegDecoder = (
  bytes: Uint8Array,
  from: PlainJpeg,
  to: PlainJpeg | null,
) => Uint8Array | null;

/** Names a module that exports `createPlainJpegDecoder`. A thread can't be given a function, so it imports the module. */
export interface PlainJpegDecoderModule {
  /** The module's URL, as its own `import.meta.url`. */
  readonly url: string;
  /** What `createPlainJpegDecoder` is called with; must survive a structured clone. */
  readonly options: unknown;
}

/**
 * Imports the module and creates its decoder.
 * Errors: those of the module, for instance SETUP when TensorFlow is not set up on this machine.
 */
export async function loadPlainJpegDecoder({
  url,
  options,
}: PlainJpegDecoderModule): Promise<PlainJpegDecoder> {
  const module = (await import(url)) as { createPlainJpegDecoder(options: unknown): PlainJpegDecoder };
  return module.createPlainJpegDecoder(options);
}
