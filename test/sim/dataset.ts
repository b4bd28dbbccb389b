/** A simulated data set: pictures of one pixel that hold their own number, so that an engine can say what it was given. */
import { throwIfDamaged } from "../../dataset/damaged-sample-error.js";
import type { ImageLoader } from "../../dataset/image-loader.js";
import type { Manifest, SplitEntry } from "../../dataset/manifest.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { SimProcess } from "./process.js";

export interface DatasetShape {
  readonly training: number;
  readonly validation: number;
  readonly shards: number;
}

export const labelOf = (sample: number) => (sample * 7 + (sample >> 2)) % 2;
const shardBytes = Buffer.from("a shard");

function split(name: string, samples: number, shards: number): SplitEntry {
  const border = (shard: number) => Math.floor((shard * samples) / shards);
  const entries = Array.from({ length: shards }, (_, shard) => ({
    key: `datasets/simulated/shards/${name}-${shard}.tar`,
    bytes: shardBytes.length,
    sha256: sha256Hex(shardBytes),
    samples: Array.from({ length: border(shard + 1) - border(shard) }, (_, i) => ({
      offset: 0,
      bytes: 1,
      label: labelOf(border(shard) + i),
      sha256: "",
      source: `${name}/${border(shard) + i}.png`,
    })),
  }));
  return { samples, shards: entries };
}

export function manifestOf({ training, validation, shards }: DatasetShape): Manifest {
  return {
    format: "trainyard-dataset/2",
    name: "simulated",
    hash: "simulated",
    classes: ["a", "b"],
    splits: { train: split("train", training, shards), validation: split("validation", validation, 1) },
    counts: { train: [], validation: [] },
    sizes: { smallest: [1, 1], median: [1, 1], largest: [1, 1] },
    grey: false,
    options: {},
    rejected: [],
    ignored: {},
    warnings: [],
  };
}

/** What the store holds before the run. */
export function datasetObjects(manifest: Manifest): [string, Uint8Array][] {
  const { train, validation } = manifest.splits;
  return [
    ["datasets/simulated/manifest.json", Buffer.from(JSON.stringify(manifest))],
    ...[...train.shards, ...validation.shards].map(({ key }): [string, Uint8Array] => [key, shardBytes]),
  ];
}

/** The number that a picture holds. */
export const sampleOf = (images: Uint8Array, at: number) =>
  (images[3 * at] as number) + 256 * (images[3 * at + 1] as number) + 65_536 * (images[3 * at + 2] as number);

/** How a worker reads: the time of a batch, and which samples it can't read. */
export interface SimReading {
  readonly batchMs: () => number;
  readonly isUnreadable: (sample: number) => boolean;
}

/** Reads each shard once from the store, as the real one does, and then takes a little time a batch. */
export function simLoader(
  process: SimProcess,
  store: ObjectStore,
  entry: SplitEntry,
  { batchMs, isUnreadable }: SimReading,
): ImageLoader {
  const shards = new Map<string, Promise<Uint8Array>>();
  const open = (key: string) => {
    const known = shards.get(key);
    if (known !== undefined) return known;
    const opened = store.get(key);
    shards.set(key, opened);
    opened.catch(() => shards.delete(key));
    return opened;
  };
  const shardOf = (sample: number) => {
    let first = 0;
    for (const shard of entry.shards) {
      first += shard.samples.length;
      if (sample < first) return shard.key;
    }
    throw new Error(`no sample ${sample}`);
  };
  const loader = {
    image: { height: 1, width: 1, channels: 3, resize: "nearest", colour: "srgb" },
    counters: { cacheHits: 0, diskHits: 0, decoded: 0, decodeSeconds: 0, fetchSeconds: 0 },
    heldBytes: 0,
    fileBytes: 0,
    label: labelOf,
    batch: async (samples: ArrayLike<number>) => {
      const wanted = Array.from(samples);
      await Promise.all([...new Set(wanted.map(shardOf))].map(open));
      await process.clock.sleep(batchMs());
      throwIfDamaged(
        wanted.filter(isUnreadable).map((sample) => ({
          sample,
          key: shardOf(sample),
          isMissing: false,
          reason: `sample ${sample} does not match its hash`,
        })),
      );
      const images = new Uint8Array(3 * wanted.length);
      wanted.forEach((sample, at) => {
        images.set([sample & 255, (sample >> 8) & 255, sample >> 16], 3 * at);
      });
      return { images, labels: Int32Array.from(wanted, labelOf) };
    },
  };
  return loader as unknown as ImageLoader;
}
