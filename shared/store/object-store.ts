/**
 * The one interface to everything that outlives a process: data sets, checkpoints, curves, exports.
 * Two implementations (a folder, S3) pass one contract suite (test/contract). Keys are `/`-separated,
 * relative, any Unicode; values are bytes. Nothing here interprets a value.
 */

/** What a store knows of an object without reading it. */
export interface ObjectInfo {
  readonly key: string;
  readonly bytes: number;
}

/** How an object is written. */
export interface PutOptions {
  /** Create only: an object that is already there makes the put fail with ALREADY_EXISTS. */
  readonly ifNoneMatch?: boolean;
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** How an object is read. */
export interface GetOptions {
  /** Byte range [begin, end), cut at the object's end: what begins there or later is empty. */
  readonly range?: { readonly begin: number; readonly end: number };
  readonly signal?: AbortSignal;
}

/**
 * What a store is opened for. `read`: reading and deleting; opening writes nothing, so a read-only or full store will do.
 * `write`: a test object is written and deleted, so that a store that takes nothing is refused at once. `create`: as
 * `write`, and a folder or bucket that is not there is made. `work`: by a worker, whose keys may show its data set and run
 * only, so nothing is listed or tried, and an object of a run that is denied counts as missing.
 */
export type StorePurpose = "read" | "write" | "create" | "work";

/** How a store is opened. */
export interface OpenOptions {
  readonly signal?: AbortSignal;
  /** Default: create. */
  readonly purpose?: StorePurpose;
  /** How long to wait for a server that is just starting. Default: limits.storeCallMs. A folder never waits. */
  readonly waitMs?: number;
  /** Called once, with a sentence, when it has to wait. */
  readonly onWaiting?: (message: string) => void;
}

/** A body whose length is known beforehand, so that an upload never buffers what it can't size. */
export interface SizedStream {
  readonly bytes: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/**
 * Errors: NOT_FOUND (object, bucket), ALREADY_EXISTS, STORE_DENIED, STORE_UNREACHABLE, STORE_FULL; each a
 * sentence naming store and key. Calls are retried within the deadlines of shared/limits where a repeat is
 * safe; a put is atomic: a reader sees the whole object or none. What a key may be: keys.ts (USAGE otherwise). An
 * aborted signal ends a call with INTERRUPTED; a SizedStream of another length than announced with DAMAGED.
 */
export interface ObjectStore {
  /** The store's URL as the user wrote it, without credentials: `file:.trainyard`, `s3://host:port/bucket/prefix`. */
  readonly url: string;
  /** Checks that the store is there and serves its purpose. Called once before use. */
  open(options?: OpenOptions): Promise<void>;
  put(key: string, body: Uint8Array | SizedStream, options?: PutOptions): Promise<void>;
  get(key: string, options?: GetOptions): Promise<Uint8Array>;
  /** Reads a large object in order, in chunks of at most 1 MiB. */
  stream(key: string, options?: GetOptions): AsyncIterable<Uint8Array>;
  /** Size and time of an object; null when it does not exist. */
  stat(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo | null>;
  /** Every object below the prefix, in code-point order of its key, each once, however many there are. */
  list(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectInfo>;
  /** What the store's disk has left for this user, in bytes; null where the store does not know it, as an S3 store. */
  freeBytes(): Promise<number | null>;
  /** Deleting what is not there is not an error. */
  delete(key: string, options?: { signal?: AbortSignal }): Promise<void>;
}
