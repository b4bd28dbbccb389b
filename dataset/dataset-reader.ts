/**
 * Reads an imported data set: the bytes of a sample by its number in the split, checked against the manifest's hash.
 * image-loader.ts decodes them; sample-order.ts decides in which order a run asks for them.
 */
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
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

/** An opened data set: its manifest, and a reader for each split. */
export interface OpenDataset {
  readonly manifest: Manifest;
  split(name: SplitName): SplitReader;
}

/**
 * Opens the data set of this name.
 * @param expectedHash the hash that the run was made for; a data set with another hash is an error.
 * @param cacheBytes memory for shards, shared by both splits.
 * @throws TrainyardError NOT_FOUND (lists the names that exist), DAMAGED (the manifest), INPUT (another hash), and the
 * store's errors.
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

/** Reads the samples of one split by their number. */
export class SplitReader {
  readonly split: SplitEntry;
  readonly #cache: ShardCache;
  readonly #isDatasetThere: () => Promise<boolean>;
  /** Number of the first sample in each shard. */
  readonly #firsts: number[];

  /** @param isDatasetThere asks whether the store still has the data set's manifest. */
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

  /** Number of samples in the split. */
  get samples(): number {
    return this.split.samples;
  }

  /** Bytes fetched from the store so far, for both splits together. */
  get fetchedBytes(): number {
    return this.#cache.fetchedBytes;
  }

  /** The sample's label: an index into the manifest's classes. */
  label(sample: number): number {
    return this.#locate(sample).entry.label;
  }

  /** Key of the shard that holds the sample. */
  shardKey(sample: number): string {
    return this.#locate(sample).shard.key;
  }

  /** The sample's manifest entry. */
  entry(sample: number): SampleEntry {
    return this.#locate(sample).entry;
  }

  /**
   * The bytes of the sample's image file. Callers must not change them. Bytes that fail their hash are read from the store
   * a second time before they count as damaged.
   * @throws DamagedSampleError with fields `key`, `sample` and `source`; the store's errors. A missing shard counts as
   * damage only while the data set's manifest is there; otherwise it is another store (STORE_UNREACHABLE).
   */
  async read(sample: number): Promise<Uint8Array> {
    const located = this.#locate(sample);
    const { key } = located.shard;
    const { offset, bytes: length } = located.entry;
    const bytes = await this.#shard(sample, located, () => this.#cache.read(key, offset, offset + length));
    return wholeOf(bytes, located) ?? (await this.readAgain(sample));
  }

  /** The same bytes as `read`, from a new read of the store. Errors: those of `read`. */
  async readAgain(sample: number): Promise<Uint8Array> {
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

  /** Reads from a shard. A shard that is missing is asked for twice before the sample counts as damaged. */
  async #shard(sample: number, { shard, entry }: Located, get: () => Promise<Uint8Array>) {
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

  /** An emptied bucket or an unmounted folder answers "not found" to everything. That must not exclude samples. */
  async #refuseOtherStore(key: string, cause: unknown): Promise<void> {
    if (await this.#isDatasetThere()) return;
    const message = `neither ${key} nor its data set's manifest is in the store any more: is it the same store?`;
    throw new TrainyardError("STORE_UNREACHABLE", message, { cause, fields: { key } });
  }

  #locate(sample: number): Located {
    const at = this.#shardOf(sample);
    const shard = this.split.shards[at];
    const entry = shard?.samples[sample - (this.#firsts[at] ?? 0)];
    if (shard !== undefined && entry !== undefined) return { shard, entry };
    throw new Error(`invariant broken: sample ${sample} of ${this.split.samples}`);
  }

  /** Number of the shard that holds the sample, by binary search. */
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

/** The bytes if they match the sample's hash, else null. */
function wholeOf(bytes: Uint8Array, { entry }: Located): Uint8Array | null {
  return sha256(bytes) === entry.sha256 ? bytes : null;
}
