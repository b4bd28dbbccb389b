/**
 * Stores a run's export, once: existing files are never changed. When an earlier coordinator, which was taken over, has
 * stored another model there, the whole export goes to the generation's own folder (docs/design/store-and-fencing.md).
 */
import { TrainyardError } from "../../shared/errors.js";
import { ownFolder } from "../../shared/publication.js";
import { runKey } from "../../shared/spec.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { putOnce } from "../../shared/store/put-once.js";
import type { ExportFile } from "./export-file.js";

/** Options of `publishExport`. */
export interface PublishOptions {
  /** Generation of the coordinator that asked for the export. */
  readonly generation: number;
  readonly signal?: AbortSignal;
  /** Called after each file that is in the store. */
  readonly onFile?: () => void;
}

/**
 * Writes the files in their order and returns their keys. When it is interrupted there is no labels.json; when it is
 * repeated it writes what is missing. Errors: the store's; DAMAGED when the generation's own folder holds another model.
 */
export async function publishExport(
  store: ObjectStore,
  run: string,
  files: readonly ExportFile[],
  options: PublishOptions,
): Promise<string[]> {
  const { generation } = options;
  for (const folder of ["", ownFolder(generation)]) {
    const keys = files.map(({ path }) => runKey(run, `${folder}${path}`));
    if (await putAll(store, keys, files, options)) return keys;
  }
  const own = runKey(run, ownFolder(generation));
  throw new TrainyardError("DAMAGED", `another export than that of the run's checkpoint lies in ${own}`);
}

/** Writes all files. Returns false when a file of another model exists under one of the keys. */
async function putAll(
  store: ObjectStore,
  keys: readonly string[],
  files: readonly ExportFile[],
  { signal, onFile = () => undefined }: PublishOptions,
): Promise<boolean> {
  for (const [index, { bytes, contentType }] of files.entries()) {
    const options = { contentType, ...(signal && { signal }) };
    if ((await putOnce(store, keys[index] as string, bytes, options)) === "other") return false;
    onFile();
  }
  return true;
}
