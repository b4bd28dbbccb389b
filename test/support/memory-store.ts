/** An object store in memory, for tests whose subject is not the store. Keeps the contract of object-store.ts. */
import { compareCodePoints } from "../../dataset/names.js";
import { TrainyardError } from "../../shared/errors.js";
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

  async open(): Promise<void> {}

  async put(key: string, body: Uint8Array | SizedStream, options: PutOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const bytes = await collect(key, body);
    if (options.ifNoneMatch === true && this.objects.has(key)) {
      throw new TrainyardError("ALREADY_EXISTS", `${this.url} has ${key} already`, { fields: { key } });
    }
    this.objects.set(key, bytes);
  }

  async get(key: string, options: GetOptions = {}): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    this.fetched.push(key);
    const bytes = this.objects.get(key);
    if (bytes === undefined) {
      throw new TrainyardError("NOT_FOUND", `${this.url} has no ${key}`, { fields: { key } });
    }
    return bytes.slice(options.range?.begin, options.range?.end);
  }

  async *stream(key: string, options: GetOptions = {}): AsyncIterable<Uint8Array> {
    const bytes = await this.get(key, options);
    for (let at = 0; at < bytes.length; at += 1024 * 1024) yield bytes.subarray(at, at + 1024 * 1024);
  }

  async stat(key: string): Promise<ObjectInfo | null> {
    const bytes = this.objects.get(key);
    return bytes === undefined ? null : { key, bytes: bytes.length };
  }

  async *list(prefix: string): AsyncIterable<ObjectInfo> {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).sort(compareCodePoints);
    for (const key of keys) yield { key, bytes: this.objects.get(key)?.length ?? 0 };
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }
}

async function collect(key: string, body: Uint8Array | SizedStream): Promise<Uint8Array> {
  if (body instanceof Uint8Array) return body.slice();
  const chunks: Uint8Array[] = [];
  for await (const chunk of body.chunks) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  if (bytes.length === body.bytes) return bytes;
  throw new TrainyardError("FAILED", `${key} was said to have ${body.bytes} bytes but has ${bytes.length}`);
}
