/** The model that a finished run published, wherever that lies. */
import { type ExportedModel, notExported, readExport, uncheckedPart } from "../engine/export/read-export.js";
import { exportFolder, findPublication } from "../shared/publication.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import type { CommonOptions } from "./common-options.js";

/** `onNotice`: gets a sentence when an earlier version wrote the export, so that not all of it can be checked. */
interface PublishedModelOptions extends Pick<CommonOptions, "onNotice"> {
  readonly signal: AbortSignal;
}

/**
 * Errors: NOT_FOUND when the run has not finished, or without an export; DAMAGED when a file is not as it was
 * exported, or another run's; the store's.
 */
export async function publishedModel(
  store: ObjectStore,
  run: string,
  { signal, onNotice }: PublishedModelOptions,
): Promise<ExportedModel> {
  const publication = await findPublication(store, run, signal);
  const folder = publication === null ? null : exportFolder(publication.result);
  if (folder === null) throw notExported(store, run);
  const model = await readExport(store, run, { folder, signal });
  const unchecked = uncheckedPart(model);
  if (unchecked !== null) onNotice?.(unchecked);
  return model;
}
