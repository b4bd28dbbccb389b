/** The model that a finished run published, wherever that lies. */
import { type ExportedModel, notExported, readExport } from "../engine/export/read-export.js";
import { exportFolder, findPublication } from "../shared/publication.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** Errors: NOT_FOUND when the run has not finished, or without an export; DAMAGED, the store's. */
export async function publishedModel(
  store: ObjectStore,
  run: string,
  signal: AbortSignal,
): Promise<ExportedModel> {
  const publication = await findPublication(store, run, signal);
  const folder = publication === null ? null : exportFolder(publication.result);
  if (folder === null) throw notExported(store, run);
  return await readExport(store, run, { folder, signal });
}
