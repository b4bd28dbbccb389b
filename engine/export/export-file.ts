/** The files of an export, and their paths in the store. */
import { encodeDocument } from "../../shared/store/document.js";

/** A file of an export: its path and its bytes. */
export interface ExportFile {
  /** The path below `runs/<run>/`, such as `export/keras/model.h5`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly contentType: string;
}

/** The paths of the exported files below `runs/<run>/`. */
export const exportPaths = {
  tfjsModel: "export/tfjs/model.json",
  kerasH5: "export/keras/model.h5",
  labels: "export/labels.json",
} as const;

/** An exported JSON file. */
export const jsonFile = (path: string, value: unknown): ExportFile => ({
  path,
  bytes: encodeDocument(value),
  contentType: "application/json",
});
