/** Reads and lists the manifests in a store. The import writes them; manifest.ts says what they hold. */
import { TrainyardError } from "../shared/errors.js";
import { refuseUnknownFormat } from "../shared/formats.js";
import { getIfThere } from "../shared/store/document.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { Manifest, manifestKey } from "./manifest.js";

/** The manifest of a data set, or null when there is none. Errors: UNKNOWN_FORMAT, DAMAGED when it can't be parsed, and the store's. */
export async function readManifest(
  store: ObjectStore,
  name: string,
  signal?: AbortSignal,
): Promise<Manifest | null> {
  const key = manifestKey(name);
  const bytes = await getIfThere(store, key, signal);
  if (bytes === null) return null;
  try {
    const document: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
    refuseUnknownFormat(document, `${key} in ${store.url}`);
    return Manifest.parse(document);
  } catch (cause) {
    if (cause instanceof TrainyardError) throw cause;
    const message = `${key} in ${store.url} is not a manifest that this version reads; import the data set again under another name`;
    throw new TrainyardError("DAMAGED", message, { cause, fields: { key } });
  }
}

/** The names of all data sets in the store, in code-point order. */
export async function listDatasets(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list("datasets/", signal === undefined ? {} : { signal })) {
    const match = /^datasets\/([^/]+)\/manifest\.json$/.exec(key);
    if (match?.[1] !== undefined) names.push(match[1]);
  }
  return names;
}
