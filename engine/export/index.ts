/** The door of this room for those who have a trained model; reading one back is exported-model.ts. */
export type { ExportFile } from "./export-file.js";
export { type ExportInput, exportFiles } from "./files.js";
export { publishExport } from "./publish.js";
