/**
 * Whole shards of the store in a bounded memory cache: one fetch per shard however many samples are asked for at a
 * time, the least recently used leaves first. What the bytes mean and whether they are whole is the reader's to say.
 */
import type { ObjectStore } from "../shared/store/object-store.js";

export class ShardCache {
  readonly #store: ObjectStore;
  readonly #budgetBytes: number;
  /** By key, the least recently used first. */
  readonly #shards = new Map<string, Uint8Array>();
  readonly #fetches = new Map<string, Promise<Uint8Array>>();
  /** What was fetched twice with the same bytes: a third time would tell nothing new. */
  readonly #confirmed = new WeakSet<Uint8Array>();
  #heldBytes = 0;
  #fetchedBytes = 0;

  /** @param budgetBytes what the cache keeps; the shard in use is kept even when it alone is larger. */
  constructor(store: ObjectStore, budgetBytes: number) {
    this.#store = store;
    this.#budgetBytes = budgetBytes;
  }

  /** Fetched from the store so far. */
  get fetchedBytes(): number {
    return this.#fetchedBytes;
  }

  /** The shard's bytes; callers must not change them. Errors: the store's, NOT_FOUND among them. */
  async get(key: string): Promise<Uint8Array> {
    const held = this.#shards.get(key);
    if (held !== undefined) {
      this.#shards.delete(key);
      this.#shards.set(key, held);
      return held;
    }
    const underWay = this.#fetches.get(key) ?? this.#fetch(key);
    return underWay;
  }

  /**
   * The shard from another read of the store than the one that is here, which held something wrong. Many samples may
   * be wrong in one shard: what was read twice alike is not read again while it is here.
   */
  async getAgain(key: string): Promise<Uint8Array> {
    const former = this.#shards.get(key);
    if (former === undefined) return await this.get(key);
    if (this.#confirmed.has(former)) return former;
    this.#forget(key);
    const again = await this.get(key);
    if (Buffer.compare(again, former) === 0) this.#confirmed.add(again);
    return again;
  }

  #forget(key: string): void {
    this.#heldBytes -= this.#shards.get(key)?.length ?? 0;
    this.#shards.delete(key);
  }

  /** No signal: several callers may wait for one fetch, and the store has its own deadline. */
  #fetch(key: string): Promise<Uint8Array> {
    const fetch = this.#store
      .get(key)
      .then((bytes) => {
        this.#fetchedBytes += bytes.length;
        this.#keep(key, bytes);
        return bytes;
      })
      .finally(() => this.#fetches.delete(key));
    this.#fetches.set(key, fetch);
    return fetch;
  }

  #keep(key: string, bytes: Uint8Array): void {
    this.#forget(key);
    this.#shards.set(key, bytes);
    this.#heldBytes += bytes.length;
    for (const oldest of this.#shards.keys()) {
      if (this.#heldBytes <= this.#budgetBytes || this.#shards.size === 1) return;
      this.#forget(oldest);
    }
  }
}
