/** An object store in memory, for tests whose subject is not the store. Keeps the contract of object-store.ts. */

import { TrainyardError } from "../../shared/errors.js";
import { throwIfAborted } from "../../shared/retry.js";
import { bodyChunks, cut } from "../../shared/store/body.js";
import { checkKey, checkPrefix, checkRange, compareCodePoints, quote } from "../../shared/store/keys.js";
import type {
  GetOptions,
  ObjectInfo,
  ObjectStore,
  PutOptions,
  SizedStream,
} from "../../shared/store/object-store.js";

export class MemoryStore implements ObjectStore {
  readonly url = "memory:";
  readonly objects = new Map<string, Uint8Array>();
  /** Calls of `get`, to see what was fetched. */
  readonly fetched: string[] = [];
  /** Number of writes and deletes. */
  changes = 0;

  async open(options: { signal?: AbortSignal } = {}): Promise<void> {
    throwIfAborted(options.signal, `opening ${this.url}`);
  }

  async put(key: string, body: Uint8Array | SizedStream, options: PutOptions = {}): Promise<void> {
    checkKey(key);
    throwIfAborted(options.signal, `writing ${quote(key)}`);
    const chunks: Uint8Array[] = [];
    for await (const chunk of bodyChunks(key, body)) {
      throwIfAborted(options.signal, `writing ${quote(key)}`);
      chunks.push(chunk);
    }
    if (options.ifNoneMatch === true && this.objects.has(key)) {
      const message = `the object ${quote(key)} is already in the store ${this.url}`;
      throw new TrainyardError("ALREADY_EXISTS", message, { fields: { key } });
    }
    this.changes += 1;
    this.objects.set(key, Uint8Array.from(Buffer.concat(chunks)));
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    checkKey(key);
    checkRange(options.range);
    throwIfAborted(options.signal, `reading ${quote(key)}`);
    this.fetched.push(key);
    const bytes = this.objects.get(key);
    if (bytes === undefined) {
      const message = `there is no object ${quote(key)} in the store ${this.url}`;
      throw new TrainyardError("NOT_FOUND", message, { fields: { key } });
    }
    return bytes.slice(options.range?.begin, options.range?.end);
  }

  async *stream(key: string, options: GetOptions = {}): AsyncIterable<Uint8Array> {
    for (const chunk of cut(await this.get(key, options))) {
      throwIfAborted(options.signal, `reading ${quote(key)}`);
      yield chunk;
    }
  }

  async freeBytes(): Promise<null> {
    return null;
  }

  async stat(key: string, options: { signal?: AbortSignal } = {}): Promise<ObjectInfo | null> {
    checkKey(key);
    throwIfAborted(options.signal, `looking for ${quote(key)}`);
    const bytes = this.objects.get(key);
    return bytes === undefined ? null : { key, bytes: bytes.length };
  }

  async *list(prefix: string, options: { signal?: AbortSignal } = {}): AsyncIterable<ObjectInfo> {
    checkPrefix(prefix);
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareCodePoints);
    for (const key of keys) {
      throwIfAborted(options.signal, `listing ${quote(prefix)}`);
      yield { key, bytes: this.objects.get(key)?.length ?? 0 };
    }
  }

  async delete(key: string, options: { signal?: AbortSignal } = {}): Promise<void> {
    checkKey(key);
    throwIfAborted(options.signal, `deleting ${quote(key)}`);
    this.changes += 1;
    this.objects.delete(key);
  }
}
