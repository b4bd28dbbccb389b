/** The door of this room for those who have a trained model; reading one back is exported-model.ts. */
export type { ExportFile } from "./export-file.js";
export { type ExportInput, exportFiles } from "./export-model.js";
export { publishExport } from "./publish-export.js";
