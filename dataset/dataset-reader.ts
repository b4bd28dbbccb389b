/**
 * An imported data set as a run reads it: samples by their number in the split, each one's bytes checked against the
 * manifest's hash. Decoding is image-loader.ts; order and lanes are order.ts.
 */
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import type { SampleIndex } from "../shared/ids.js";
import { limits } from "../shared/limits.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { ShardCache } from "./caching/shard-cache.js";
import { DamagedSampleError } from "./damaged-sample-error.js";
import { sha256 } from "./importing/examine-images.js";
import {
  type Manifest,
  manifestKey,
  type SampleEntry,
  type ShardEntry,
  type SplitEntry,
  type SplitName,
} from "./manifest.js";
import { listDatasets, readManifest } from "./manifest-reader.js";

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
  const isThere = async () => (await store.stat(manifestKey(name))) !== null;
  const readers = {
    train: new SplitReader(manifest.splits.train, cache, isThere),
    validation: new SplitReader(manifest.splits.validation, cache, isThere),
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
  readonly #isDatasetThere: () => Promise<boolean>;
  /** Number of the first sample of each shard. */
  readonly #firsts: number[];

  /** `isDatasetThere`: whether the store still has the data set's manifest. */
  constructor(split: SplitEntry, cache: ShardCache, isDatasetThere: () => Promise<boolean>) {
    this.split = split;
    this.#cache = cache;
    this.#isDatasetThere = isDatasetThere;
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
   * @throws DamagedSampleError with fields `key`, `sample` and `source`; the store's errors. A shard that is not there
   * counts as damage only while the data set's manifest is: else it is the store that is another one.
   */
  async read(sample: SampleIndex): Promise<Uint8Array> {
    const located = this.#locate(sample);
    const { key } = located.shard;
    const { offset, bytes: length } = located.entry;
    const bytes = await this.#shard(sample, located, () => this.#cache.read(key, offset, offset + length));
    return wholeOf(bytes, located) ?? (await this.readAgain(sample));
  }

  /** The bytes from another read of the store than the last. Errors: as `read`. */
  async readAgain(sample: SampleIndex): Promise<Uint8Array> {
    const located = this.#locate(sample);
    const { key } = located.shard;
    const again = await this.#shard(sample, located, () => this.#cache.getAgain(key));
    const { offset, bytes: length } = located.entry;
    const bytes = wholeOf(again.subarray(offset, offset + length), located);
    if (bytes !== null) return bytes;
    const { source } = located.entry;
    const reason = `sample ${sample} (${source}) in ${key} does not match its hash, read twice; the object is damaged`;
    throw new DamagedSampleError([{ sample, key, isMissing: false, reason }], { source });
  }

  /** An object that is not there is asked for twice as well. */
  async #shard(sample: SampleIndex, { shard, entry }: Located, get: () => Promise<Uint8Array>) {
    try {
      return await get().catch((caught) => {
        if (isMissing(caught)) return get();
        throw caught;
      });
    } catch (caught) {
      if (!isMissing(caught)) throw caught;
      const [{ key }, { source }] = [shard, entry];
      await this.#refuseOtherStore(key, caught);
      const reason = `sample ${sample} (${source}) can't be read: its object ${key} is not in the store any more`;
      throw new DamagedSampleError([{ sample, key, isMissing: true, reason }], { cause: caught, source });
    }
  }

  /** An emptied bucket or an unmounted folder says "not found" of everything: no sample is lost by that. */
  async #refuseOtherStore(key: string, cause: unknown): Promise<void> {
    if (await this.#isDatasetThere()) return;
    const message = `neither ${key} nor its data set's manifest is in the store any more: is it the same store?`;
    throw new TrainyardError("STORE_UNREACHABLE", message, { cause, fields: { key } });
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

const isMissing = (caught: unknown) => asTrainyardError(caught).code === "NOT_FOUND";

/** Null when the sample's bytes fail their hash. */
function wholeOf(bytes: Uint8Array, { entry }: Located): Uint8Array | null {
  return sha256(bytes) === entry.sha256 ? bytes : null;
}
