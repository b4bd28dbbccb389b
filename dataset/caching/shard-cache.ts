/**
 * Whole shards of the store in a bounded memory cache: one fetch per shard however many samples are asked for at a
 * time, the least recently used leaves first. When more shards are in use than fit (many lanes on one worker), fetching
 * whole ones would throw out others that are still needed: then samples are fetched by themselves, until a shard is used
 * up. What the bytes mean and whether they are whole is the reader's to say.
 */

import { Semaphore } from "../../shared/concurrency.js";
import { limits } from "../../shared/limits.js";
import type { ObjectStore } from "../../shared/store/object-store.js";

interface Held {
  readonly bytes: Uint8Array;
  /** Bytes of it that were asked for so far, and the number of the last read. */
  served: number;
  lastRead: number;
}

/** Shards thrown out with more than half of their bytes unread, after which they count as crowded. */
const mostWasted = 3;
/** Of a shard's bytes; the rest is tar headers, and the samples of other lanes at its ends. */
const usedUp = 0.9;
/**
 * Samples fetched by themselves at a time, over all batches: what is read ahead may be twenty thousand small ones, and
 * each is an open file or a connection, of which a process often has 1,024. One batch asks for as many.
 */
const partsAtATime = 64;

export class ShardCache {
  readonly #store: ObjectStore;
  readonly #budgetBytes: number;
  /** By key, the least recently used first. */
  readonly #shards = new Map<string, Held>();
  readonly #fetches = new Map<string, Promise<Uint8Array>>();
  /** What was fetched twice with the same bytes: a third time would tell nothing new. */
  readonly #confirmed = new WeakSet<Uint8Array>();
  readonly #parts = new Semaphore(partsAtATime);
  #heldBytes = 0;
  #fetchedBytes = 0;
  #largestBytes = 0;
  #reads = 0;
  #wasted = 0;

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
    if (held === undefined) return await (this.#fetches.get(key) ?? this.#fetch(key));
    this.#shards.delete(key);
    this.#shards.set(key, held);
    return held.bytes;
  }

  /** Bytes [begin, end) of the shard, a view that callers must not change; fewer where it ends before. Errors: as get. */
  async read(key: string, begin: number, end: number): Promise<Uint8Array> {
    this.#reads += 1;
    const isHere = this.#shards.has(key) || this.#fetches.has(key);
    if (!isHere && this.#wasted >= mostWasted && !this.#dropUsedUp()) {
      const part = await this.#parts.pass(() => this.#store.get(key, { range: { begin, end } }));
      this.#fetchedBytes += part.length;
      return part;
    }
    const shard = await this.get(key);
    const held = this.#shards.get(key);
    if (held?.bytes === shard) {
      held.served += end - begin;
      held.lastRead = this.#reads;
    }
    return shard.subarray(begin, end);
  }

  /** Whether there is room for another shard now. */
  #dropUsedUp(): boolean {
    for (const [key, { bytes, served, lastRead }] of this.#shards) {
      const isIdle = this.#reads - lastRead > limits.shardSamples;
      if (served >= usedUp * bytes.length || isIdle) this.#forget(key);
    }
    return this.#shards.size === 0 || this.#heldBytes + this.#largestBytes <= this.#budgetBytes;
  }

  /**
   * The shard from another read of the store than the one that is here, which held something wrong. Many samples may
   * be wrong in one shard: what was read twice alike is not read again while it is here.
   */
  async getAgain(key: string): Promise<Uint8Array> {
    const former = this.#shards.get(key)?.bytes;
    if (former === undefined) return await this.get(key);
    if (this.#confirmed.has(former)) return former;
    this.#forget(key);
    const again = await this.get(key);
    if (Buffer.compare(again, former) === 0) this.#confirmed.add(again);
    return again;
  }

  #forget(key: string): void {
    this.#heldBytes -= this.#shards.get(key)?.bytes.length ?? 0;
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
    this.#shards.set(key, { bytes, served: 0, lastRead: this.#reads });
    this.#heldBytes += bytes.length;
    this.#largestBytes = Math.max(this.#largestBytes, bytes.length);
    for (const [oldest, { bytes: former, served }] of this.#shards) {
      if (this.#heldBytes <= this.#budgetBytes || this.#shards.size === 1) return;
      if (served < former.length / 2) this.#wasted += 1;
      this.#forget(oldest);
    }
  }
}
