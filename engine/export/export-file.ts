/** What an exported file is, and where each lies. */
import { encodeDocument } from "../../shared/store/document.js";

/** A file that leaves a run: where it lies below `runs/<run>/`, and its bytes. */
export interface ExportFile {
  /** `export/keras/model.h5`. */
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly contentType: string;
  /** Its bytes carry the time of writing: another one of the same model has the same length, and other bytes. */
  readonly isTimed?: boolean;
}

export const exportPaths = {
  tfjsModel: "export/tfjs/model.json",
  kerasH5: "export/keras/model.h5",
  labels: "export/labels.json",
} as const;

export const jsonFile = (path: string, value: unknown): ExportFile => ({
  path,
  bytes: encodeDocument(value),
  contentType: "application/json",
});
