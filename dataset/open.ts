/**
 * An imported data set as a run reads it: samples by their number in the split, each one's bytes checked against the
 * manifest's hash. Decoding is image-loader.ts; order and lanes are order.ts.
 */
import { TrainyardError } from "../shared/errors.js";
import type { SampleIndex } from "../shared/ids.js";
import { limits } from "../shared/limits.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { sha256 } from "./examine.js";
import type { Manifest, SampleEntry, ShardEntry, SplitEntry, SplitName } from "./manifest.js";
import { listDatasets, readManifest } from "./manifest-file.js";
import { ShardCache } from "./shard-cache.js";

export interface OpenDataset {
  readonly manifest: Manifest;
  split(name: SplitName): SplitReader;
}

/**
 * Opens a data set.
 * @param expectedHash the hash that a run names; another one is an error.
 * @param cacheBytes memory for shards, shared by both splits.
 * @throws TrainyardError NOT_FOUND (with the names there are), DAMAGED (manifest), INPUT (other hash), the store's.
 */
export async function openDataset(
  store: ObjectStore,
  name: string,
  expectedHash?: string,
  { cacheBytes = limits.shardCacheBytes, signal }: { cacheBytes?: number; signal?: AbortSignal } = {},
): Promise<OpenDataset> {
  const manifest = await readManifest(store, name, signal);
  if (manifest === null) throw await notFound(store, name, signal);
  if (expectedHash !== undefined && manifest.hash !== expectedHash) {
    const message = `the data set "${name}" in ${store.url} has hash ${manifest.hash}, but the run was made for ${expectedHash}`;
    throw new TrainyardError("INPUT", message, { fields: { dataset: name, hash: manifest.hash } });
  }
  const cache = new ShardCache(store, cacheBytes);
  const readers = {
    train: new SplitReader(manifest.splits.train, cache),
    validation: new SplitReader(manifest.splits.validation, cache),
  };
  return { manifest, split: (split) => readers[split] };
}

async function notFound(store: ObjectStore, name: string, signal?: AbortSignal): Promise<TrainyardError> {
  const names = await listDatasets(store, signal);
  const there = names.length === 0 ? "there is none yet: trainyard import" : `there are: ${names.join(", ")}`;
  const message = `no data set "${name}" in ${store.url}; ${there}`;
  return new TrainyardError("NOT_FOUND", message, { fields: { dataset: name } });
}

interface Located {
  readonly shard: ShardEntry;
  readonly entry: SampleEntry;
}

/** The samples of one split, by SampleIndex. */
export class SplitReader {
  readonly split: SplitEntry;
  readonly #cache: ShardCache;
  /** Number of the first sample of each shard. */
  readonly #firsts: number[];

  constructor(split: SplitEntry, cache: ShardCache) {
    this.split = split;
    this.#cache = cache;
    let first = 0;
    this.#firsts = split.shards.map(({ samples }) => {
      first += samples.length;
      return first - samples.length;
    });
  }

  get samples(): number {
    return this.split.samples;
  }

  /** Fetched from the store so far, over both splits. */
  get fetchedBytes(): number {
    return this.#cache.fetchedBytes;
  }

  /** Index into the manifest's classes. */
  label(sample: SampleIndex): number {
    return this.#locate(sample).entry.label;
  }

  /** Key of the shard that holds the sample. */
  shardKey(sample: SampleIndex): string {
    return this.#locate(sample).shard.key;
  }

  /** The sample's manifest entry. */
  entry(sample: SampleIndex): SampleEntry {
    return this.#locate(sample).entry;
  }

  /**
   * The image file's bytes (a view; not to be changed). Bytes that fail their hash are read from the store a second
   * time before they count as damaged.
   * @throws TrainyardError DAMAGED with fields `key`, `sample` and `source`; the store's errors.
   */
  async read(sample: SampleIndex): Promise<Uint8Array> {
    const located = this.#locate(sample);
    const first = await this.#readOnce(located);
    if (first !== null) return first;
    this.#cache.forget(located.shard.key);
    const second = await this.#readOnce(located);
    if (second !== null) return second;
    const { key } = located.shard;
    const { source } = located.entry;
    const message = `sample ${sample} (${source}) in ${key} does not match its hash, read twice; the object is damaged`;
    throw new TrainyardError("DAMAGED", message, { fields: { key, sample, source } });
  }

  /** Null when the bytes fail their hash. */
  async #readOnce({ shard, entry }: Located): Promise<Uint8Array | null> {
    const tar = await this.#cache.get(shard.key);
    const bytes = tar.subarray(entry.offset, entry.offset + entry.bytes);
    return sha256(bytes) === entry.sha256 ? bytes : null;
  }

  #locate(sample: SampleIndex): Located {
    const at = this.#shardOf(sample);
    const shard = this.split.shards[at];
    const entry = shard?.samples[sample - (this.#firsts[at] ?? 0)];
    if (shard !== undefined && entry !== undefined) return { shard, entry };
    throw new Error(`invariant broken: sample ${sample} of ${this.split.samples}`);
  }

  /** The last shard whose first sample is not after this one (binary search). */
  #shardOf(sample: number): number {
    let [low, high] = [0, this.#firsts.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#firsts[middle] ?? 0) <= sample) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
