/**
 * A data set put straight into a store, without an import: image i is red i all over (a validation image's green is
 * one), so that pixels say which sample they are, and shards are as small as the test wants.
 */
import { Manifest, manifestKey, type ShardEntry, type SplitEntry } from "../../dataset/manifest.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import { flat } from "./images.js";
import type { MemoryStore } from "./memory-store.js";

export interface FlatDataset {
  readonly name: string;
  readonly training: number;
  readonly validation: number;
  /** Samples of a shard. */
  readonly perShard: number;
  /** These training samples are no images, though their hash is right. */
  readonly undecodable?: readonly number[];
}

export async function putFlatDataset(store: MemoryStore, dataset: FlatDataset): Promise<Manifest> {
  const { name, training, validation } = dataset;
  const manifest = Manifest.parse({
    format: "trainyard-dataset/2",
    name,
    hash: "flat",
    classes: ["a", "b"],
    splits: {
      train: await putSplit(store, dataset, "train", training),
      validation: await putSplit(store, dataset, "validation", validation),
    },
    counts: { train: [], validation: [] },
    sizes: { smallest: [4, 4], median: [4, 4], largest: [4, 4] },
    grey: false,
    options: {},
    rejected: [],
    ignored: {},
    warnings: [],
  });
  await store.put(manifestKey(name), Buffer.from(JSON.stringify(manifest)));
  return manifest;
}

async function putSplit(
  store: MemoryStore,
  { name, perShard, undecodable = [] }: FlatDataset,
  split: "train" | "validation",
  samples: number,
): Promise<SplitEntry> {
  const shards: ShardEntry[] = [];
  for (let first = 0; first < samples; first += perShard) {
    const key = `datasets/${name}/shards/${split}-${shards.length}.tar`;
    const files: Buffer[] = [];
    for (let sample = first; sample < Math.min(samples, first + perShard); sample += 1) {
      const isBad = split === "train" && undecodable.includes(sample);
      const colour = { r: sample, g: split === "train" ? 0 : 1, b: 0 };
      files.push(isBad ? Buffer.from(`no image ${sample}`) : await flat(colour, 4, 4).png().toBuffer());
    }
    const body = Buffer.concat(files);
    await store.put(key, body);
    let offset = 0;
    const entries = files.map((file, index) => {
      const label = (first + index) % 2;
      const source = `${split}/${first + index}.png`;
      offset += file.length;
      return { offset: offset - file.length, bytes: file.length, label, sha256: sha256Hex(file), source };
    });
    shards.push({ key, bytes: body.length, sha256: sha256Hex(body), samples: entries });
  }
  return { samples, shards };
}
