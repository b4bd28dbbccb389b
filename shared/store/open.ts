/** From the URL that a user gives (`--store`, TRAINYARD_STORE) to an open store. */
import { TrainyardError } from "../errors.js";
import { FolderStore } from "./folder.js";
import type { ObjectStore } from "./object-store.js";

export interface OpenStoreOptions {
  /** Where credentials and the region are read from. Default: process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  /** Make the folder or bucket when it is not there. Default: true. */
  readonly create?: boolean;
}

const forms =
  "write a folder as file:PATH (or a path that begins with . or /), and a bucket as s3://HOST:PORT/BUCKET/PREFIX";

/** Errors: USAGE for anything that is neither form; else those of ObjectStore.open. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  const store = storeOf(url);
  await store.open({
    ...(options.signal && { signal: options.signal }),
    ...(options.create !== undefined && { create: options.create }),
  });
  return store;
}

function storeOf(url: string): ObjectStore {
  const path = /^[./]/.test(url) ? url : /^file:/.test(url) ? folderPath(url) : null;
  if (path !== null && path !== "" && !path.includes("\0")) return new FolderStore(path);
  throw new TrainyardError("USAGE", `"${url}" is not a store: ${forms}`);
}

/** `file:PATH` with the path as it stands, no escapes; also `file:///PATH`, where they are undone. */
function folderPath(url: string): string {
  return url.startsWith("file://") ? decodeURIComponent(new URL(url).pathname) : url.slice("file:".length);
}
