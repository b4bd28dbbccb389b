/**
 * A store whose calls are timed, counted and, where they fail, counted as errors. That an object is not there, is there
 * already, or is no more wanted (aborted, fenced), is an answer and no error.
 */
import type { Clock } from "../clock.js";
import { type ErrorCode, TrainyardError } from "../errors.js";
import type { StoreMetrics, StoreOperation } from "../metrics.js";
import type { GetOptions, ObjectInfo, ObjectStore, PutOptions, SizedStream } from "./object-store.js";

const answers: readonly ErrorCode[] = ["NOT_FOUND", "ALREADY_EXISTS", "INTERRUPTED", "FENCED", "USAGE"];

/** A view of a store that measures every call. */
export function meteredStore(store: ObjectStore, metrics: StoreMetrics, clock: Clock): ObjectStore {
  return new MeteredStore(store, metrics, clock);
}

class MeteredStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #metrics: StoreMetrics;
  readonly #clock: Clock;

  constructor(store: ObjectStore, metrics: StoreMetrics, clock: Clock) {
    this.#store = store;
    this.#metrics = metrics;
    this.#clock = clock;
  }

  get url(): string {
    return this.#store.url;
  }

  open(options?: Parameters<ObjectStore["open"]>[0]): Promise<void> {
    return this.#store.open(options);
  }

  async put(key: string, body: Uint8Array | SizedStream, options?: PutOptions): Promise<void> {
    await this.#timed("put", () => this.#store.put(key, body, options));
    this.#metrics.storeWrittenBytes.inc("bytes" in body ? body.bytes : body.byteLength);
  }

  async get(key: string, options?: GetOptions): Promise<Uint8Array> {
    const bytes = await this.#timed("get", () => this.#store.get(key, options));
    this.#metrics.storeReadBytes.inc(bytes.byteLength);
    return bytes;
  }

  stream(key: string, options?: GetOptions): AsyncIterable<Uint8Array> {
    return this.#waited("stream", this.#store.stream(key, options), (chunk) =>
      this.#metrics.storeReadBytes.inc(chunk.byteLength),
    );
  }

  freeBytes(): Promise<number | null> {
    return this.#store.freeBytes();
  }

  stat(key: string, options?: { signal?: AbortSignal }): Promise<ObjectInfo | null> {
    return this.#timed("stat", () => this.#store.stat(key, options));
  }

  list(prefix: string, options?: { signal?: AbortSignal }): AsyncIterable<ObjectInfo> {
    return this.#waited("list", this.#store.list(prefix, options), () => undefined);
  }

  delete(key: string, options?: { signal?: AbortSignal }): Promise<void> {
    return this.#timed("delete", () => this.#store.delete(key, options));
  }

  async #timed<T>(operation: StoreOperation, call: () => Promise<T>): Promise<T> {
    const beganMs = this.#clock.nowMs();
    try {
      return await call();
    } catch (error) {
      this.#note(operation, error);
      throw error;
    } finally {
      this.#took(operation, this.#clock.nowMs() - beganMs);
    }
  }

  /** Only the waiting for what comes next is the store's time; the rest is its reader's. */
  async *#waited<T>(
    operation: StoreOperation,
    items: AsyncIterable<T>,
    onItem: (item: T) => void,
  ): AsyncIterable<T> {
    let waitedMs = 0;
    let beganMs = this.#clock.nowMs();
    try {
      for await (const item of items) {
        waitedMs += this.#clock.nowMs() - beganMs;
        onItem(item);
        yield item;
        beganMs = this.#clock.nowMs();
      }
      waitedMs += this.#clock.nowMs() - beganMs;
    } catch (error) {
      this.#note(operation, error);
      throw error;
    } finally {
      this.#took(operation, waitedMs);
    }
  }

  #note(operation: StoreOperation, error: unknown): void {
    if (error instanceof TrainyardError && answers.includes(error.code)) return;
    this.#metrics.storeErrors.inc({ operation });
  }

  #took(operation: StoreOperation, ms: number): void {
    this.#metrics.storeCallDuration.observe({ operation }, ms / 1000);
  }
}
