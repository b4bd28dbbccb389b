/** Opens the store that a URL names (`--store`, TRAINYARD_STORE). */
import { TrainyardError } from "../errors.js";
import { FolderStore } from "./folder.js";
import type { ObjectStore, OpenOptions } from "./object-store.js";
import { S3Store } from "./s3.js";
import { ownVariables, readS3Credentials, type S3Credentials } from "./s3-credentials.js";
import { parseS3Url } from "./s3-location.js";

/** How the store of a URL is opened. */
export interface OpenStoreOptions extends OpenOptions {
  /** Where credentials and the region are read from. Default: process.env. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** An S3 store's credentials, asked before each request. Default: those of the environment. */
  readonly credentials?: (() => S3Credentials) | undefined;
}

const forms =
  "write a folder as file:PATH (or a path that begins with . or /), and a bucket as s3://HOST:PORT/BUCKET/PREFIX";

/** Errors: USAGE for anything that is neither form; else those of ObjectStore.open. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  const { environment = process.env, credentials, ...openOptions } = options;
  const store = storeOf(url, environment, credentials);
  await store.open(openOptions);
  return store;
}

function storeOf(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
  credentials: OpenStoreOptions["credentials"],
): ObjectStore {
  if (/^s3(\+https?)?:/.test(url)) {
    const location = parseS3Url(url);
    if (credentials !== undefined) return new S3Store(location, credentials, ownVariables);
    const own = readS3Credentials(environment);
    return new S3Store(location, () => own, own.variables);
  }
  const path = /^[./]/.test(url) ? url : url.startsWith("file:") ? folderPath(url) : "";
  if (path !== "" && !path.includes("\0")) return new FolderStore(path);
  throw new TrainyardError("USAGE", `"${url}" is not a store: ${forms}`);
}

/** `file:PATH` with the path as it stands, no escapes; also `file:///PATH`, where they are undone. */
function folderPath(url: string): string {
  return url.startsWith("file://") ? decodeURIComponent(new URL(url).pathname) : url.slice("file:".length);
}
