/**
 * What an import reads, whatever it came as: images with a class and, where the source has splits, a split.
 * Class folders (class-folders.ts) and IDX files (idx.ts) both become this.
 */
import type { SplitName } from "../manifest.js";

export interface SourceImage {
  /** Path relative to the imported folder, as the user named it. */
  readonly source: string;
  /** NFC name of the class. */
  readonly className: string;
  /** Null when the import has to split. */
  readonly split: SplitName | null;
  /** The file's bytes. Called twice: once to examine, once to store. */
  read(): Promise<Uint8Array>;
  /** Set when the bytes were made by us and need no trial decode. */
  readonly size?: { readonly height: number; readonly width: number };
}

export interface ImageSource {
  /** In words: "class folders", "train/ and validation/", "IDX files". */
  readonly layout: string;
  /** NFC names of all classes that the source has, in code-point order, empty ones too. */
  readonly classes: readonly string[];
  /** Whether the source itself says what is training and what validation. */
  readonly isSplit: boolean;
  readonly images: readonly SourceImage[];
  readonly warnings: readonly string[];
}
