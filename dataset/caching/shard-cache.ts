/**
 * A memory cache of whole shards. However many samples of a shard are wanted at a time, the shard is fetched once; the
 * least recently used shard is evicted first. When more shards are in use than fit (many lanes on one worker), fetching a
 * whole shard would evict another that is still needed. Samples are then fetched one by one, until a shard is used up.
 * The caller checks the bytes against their hashes.
 */

import { Semaphore } from "../../shared/concurrency.js";
import { limits } from "../../shared/limits.js";
import type { ObjectStore } from "../../shared/store/object-store.js";

interface Held {
  readonly bytes: Uint8Array;
  /** Bytes of the shard that were read from the cache so far. */
  served: number;
  /** Value of the read counter at the last read of this shard. */
  lastRead: number;
}

/** After so many shards were evicted with more than half of their bytes unread, the cache counts as too small. */
const mostWasted = 3;
/** A shard counts as used up when this part of its bytes was read. The rest is tar headers and samples of other lanes. */
const usedUp = 0.9;
/**
 * Most samples that are fetched one by one at a time. Reading ahead may want twenty thousand small samples, and each
 * fetch is an open file or a connection, of which a process often may have 1,024. A single batch never wants more.
 */
const partsAtATime = 64;

export class ShardCache {
  readonly #store: ObjectStore;
  readonly #budgetBytes: number;
  /** Shards in memory by key, the least recently used first. */
  readonly #shards = new Map<string, Held>();
  readonly #fetches = new Map<string, Promise<Uint8Array>>();
  /** Shards that were fetched twice with the same bytes; a third fetch would prove nothing new. */
  readonly #confirmed = new WeakSet<Uint8Array>();
  readonly #parts = new Semaphore(partsAtATime);
  #heldBytes = 0;
  #fetchedBytes = 0;
  #largestBytes = 0;
  #reads = 0;
  #wasted = 0;

  /** @param budgetBytes most bytes of shards in memory; a single larger shard is kept all the same while it is used. */
  constructor(store: ObjectStore, budgetBytes: number) {
    this.#store = store;
    this.#budgetBytes = budgetBytes;
  }

  /** Bytes fetched from the store so far. */
  get fetchedBytes(): number {
    return this.#fetchedBytes;
  }

  /** The shard's bytes, fetched if they are not in memory. Callers must not change them. Errors: the store's (NOT_FOUND). */
  async get(key: string): Promise<Uint8Array> {
    const held = this.#shards.get(key);
    if (held === undefined) return await (this.#fetches.get(key) ?? this.#fetch(key));
    this.#shards.delete(key);
    this.#shards.set(key, held);
    return held.bytes;
  }

  /**
   * Bytes [begin, end) of the shard; fewer when the shard is shorter. Callers must not change them. Errors: the store's
   * (NOT_FOUND).
   */
  async read(key: string, begin: number, end: number): Promise<Uint8Array> {
    this.#reads += 1;
    const isHere = this.#shards.has(key) || this.#fetches.has(key);
    if (!isHere && this.#wasted >= mostWasted && !this.#dropUsedUp()) {
      const part = await this.#parts.run(() => this.#store.get(key, { range: { begin, end } }));
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

  /** Evicts the shards that are used up. Returns whether there is room for another shard then. */
  #dropUsedUp(): boolean {
    for (const [key, { bytes, served, lastRead }] of this.#shards) {
      const isIdle = this.#reads - lastRead > limits.shardSamples;
      if (served >= usedUp * bytes.length || isIdle) this.#forget(key);
    }
    return this.#shards.size === 0 || this.#heldBytes + this.#largestBytes <= this.#budgetBytes;
  }

  /**
   * The shard's bytes from a second read of the store, for a caller that found something wrong in the first. When both
   * reads gave the same bytes, further calls return them without reading again: many samples of a shard may be wrong.
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

  /** Takes no abort signal: several callers may wait for the same fetch, and the store has its own deadline. */
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
