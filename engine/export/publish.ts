/** Puts a run's export into the store, once: what is already there stays as it is. */
import { TrainyardError } from "../../shared/errors.js";
import { runKey } from "../../shared/spec.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { ExportFile } from "./export-file.js";

/**
 * Writes in the files' order. Cut short, it leaves no labels.json; repeated, it adds what is missing, which is the
 * same model as long as the run's checkpoint is. Returns the keys. Errors: the store's.
 */
export async function publishExport(
  store: ObjectStore,
  run: string,
  files: readonly ExportFile[],
  { signal }: { signal?: AbortSignal } = {},
): Promise<string[]> {
  for (const file of files) await putOnce(store, runKey(run, file.path), file, signal);
  return files.map(({ path }) => runKey(run, path));
}

async function putOnce(
  store: ObjectStore,
  key: string,
  { bytes, contentType }: ExportFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await store.put(key, bytes, { ifNoneMatch: true, contentType, ...(signal && { signal }) });
  } catch (caught) {
    if (!(caught instanceof TrainyardError && caught.code === "ALREADY_EXISTS")) throw caught;
  }
}
