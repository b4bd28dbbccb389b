/**
 * Puts a run's export into the store, once: what is already there stays as it is. Where that is another model, of a
 * coordinator that was taken over, this one goes beside it as a whole.
 */
import { TrainyardError } from "../../shared/errors.js";
import { ownFolder } from "../../shared/publication.js";
import { runKey } from "../../shared/spec.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { isEqual, putOnce } from "../../shared/store/put-once.js";
import type { ExportFile } from "./export-file.js";

export interface PublishOptions {
  /** Of the coordinator that asked for it. */
  readonly generation: number;
  readonly signal?: AbortSignal;
}

/**
 * Writes in the files' order. Cut short, it leaves no labels.json; repeated, it adds what is missing. Returns the keys.
 * Errors: the store's; DAMAGED when another model lies in the generation's own folder too.
 */
export async function publishExport(
  store: ObjectStore,
  run: string,
  files: readonly ExportFile[],
  { generation, signal }: PublishOptions,
): Promise<string[]> {
  for (const folder of ["", ownFolder(generation)]) {
    const keys = files.map(({ path }) => runKey(run, `${folder}${path}`));
    if (await putAll(store, keys, files, signal)) return keys;
  }
  const own = runKey(run, ownFolder(generation));
  throw new TrainyardError("DAMAGED", `another export than that of the run's checkpoint lies in ${own}`);
}

/** False when another model's file is in the way. */
async function putAll(
  store: ObjectStore,
  keys: readonly string[],
  files: readonly ExportFile[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const [index, { bytes, contentType, isTimed }] of files.entries()) {
    const isSame = isTimed === true ? hasLength : isEqual;
    const options = { contentType, isSame, ...(signal && { signal }) };
    if ((await putOnce(store, keys[index] as string, bytes, options)) === "other") return false;
  }
  return true;
}

const hasLength = (there: Uint8Array, bytes: Uint8Array) => there.length === bytes.length;
