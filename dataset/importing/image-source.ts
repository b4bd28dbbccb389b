/**
 * The images that an import reads, in one form for every kind of source: each with a class and, where the source is
 * split, a split. Class folders (class-folders.ts) and IDX files (idx-files.ts) are read into this form.
 */
import type { SplitName } from "../manifest.js";

/** One image of a source. */
export interface SourceImage {
  /** Path relative to the imported folder, as the user wrote it. */
  readonly source: string;
  /** Name of the class, in Unicode's form NFC. */
  readonly className: string;
  /** The split that the source puts the image in; null when the import has to split. */
  readonly split: SplitName | null;
  /** Reads the file's bytes. The import calls it twice: to examine the image, and to store it. */
  read(): Promise<Uint8Array>;
  /** The image's size, when the source encoded the bytes itself, so that they need not be decoded to be examined. */
  readonly size?: { readonly height: number; readonly width: number };
}

/** A source of images, read but not examined yet. */
export interface ImageSource {
  /** What the source looks like, in words: "class folders", "train/ and validation/", "IDX files". */
  readonly layout: string;
  /** Names (NFC) of all classes of the source in code-point order, also of classes without images. */
  readonly classes: readonly string[];
  /** Whether the source itself says what is training and what validation. */
  readonly isSplit: boolean;
  readonly images: readonly SourceImage[];
  readonly warnings: readonly string[];
}
