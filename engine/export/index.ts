/** The public functions for exporting a trained model. read-export.ts reads an export back. */
export type { ExportFile } from "./export-file.js";
export { type ExportInput, exportFiles } from "./export-model.js";
export { type PublishOptions, publishExport } from "./publish-export.js";
