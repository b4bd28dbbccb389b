/**
 * What a loader remembers in memory, on disk and in the store gives the same pixels, within both budgets; a disk that
 * fails is no damage to a sample.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type OpenDataset, openDataset } from "../../dataset/dataset-reader.js";
import { ImageLoader, type ImageLoaderOptions } from "../../dataset/image-loader.js";
import type { RunSpec } from "../../shared/spec.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { temporaryFolders } from "../support/images.js";
import { MemoryStore } from "../support/memory-store.js";

const image: RunSpec["image"] = { height: 5, width: 3, channels: 3, resize: "nearest", colour: "srgb" };
const imageBytes = 45;
const samples = 30;
const undecodable = 11;
const newFolder = temporaryFolders();
const all = Array.from({ length: samples }, (_, sample) => sample).filter((sample) => sample !== undecodable);

let dataset: OpenDataset;
beforeAll(async () => {
  const store = new MemoryStore();
  await putFlatDataset(store, {
    name: "flat",
    training: samples,
    validation: 1,
    perShard: 7,
    undecodable: [undecodable],
  });
  dataset = await openDataset(store, "flat");
});

const loaderOf = (options: ImageLoaderOptions) => new ImageLoader(dataset.split("train"), image, options);

/** Backwards from the second epoch on, in batches of 8. */
async function epochs(loader: ImageLoader, count = 3): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  for (let epoch = 0; epoch < count; epoch += 1) {
    const order = epoch === 0 ? all : [...all].reverse();
    for (let first = 0; first < order.length; first += 8) {
      images.push((await loader.batch(order.slice(first, first + 8))).images);
    }
  }
  return images;
}

describe.each([
  [0, 0],
  [0, 10],
  [0, 100],
  [7, 0],
  [7, 10],
  [7, 100],
  [100, 100],
])("with room for %d images in memory and %d on disk", (memory, disk) => {
  it("three epochs have the same pixels as without a cache, and both budgets are kept", async () => {
    const plain = await epochs(loaderOf({ cacheBytes: 0 }));
    const folder = await newFolder();
    const loader = loaderOf({
      cacheBytes: memory * imageBytes,
      file: { folder, budgetBytes: disk * imageBytes, reserveBytes: 0 },
    });
    expect(await epochs(loader)).toEqual(plain);
    const [inMemory, onDisk] = [
      Math.min(memory, all.length),
      Math.min(disk, Math.max(0, all.length - memory)),
    ];
    expect(loader.heldBytes).toBe(inMemory * imageBytes);
    expect(loader.fileBytes).toBe(onDisk * imageBytes);
    expect(loader.counters).toMatchObject({
      cacheHits: 2 * inMemory,
      diskHits: 2 * onDisk,
      decoded: 3 * all.length - 2 * (inMemory + onDisk),
    });
    await loader.close();
  });
});

describe("a sample that can't be decoded", () => {
  it("is reported by each batch that contains it, and the other samples of the batch are cached", async () => {
    const folder = await newFolder();
    const loader = loaderOf({ cacheBytes: 0, file: { folder, budgetBytes: 1e6, reserveBytes: 0 } });
    for (let time = 0; time < 2; time += 1) {
      await expect(loader.batch([9, 10, undecodable, 12])).rejects.toMatchObject({
        code: "DAMAGED",
        samples: [{ sample: undecodable, isMissing: false }],
      });
    }
    expect(loader.counters).toMatchObject({ decoded: 3, diskHits: 3 });
    await loader.close();
  });
});

describe("a disk that can't be used", () => {
  it("makes images be decoded again, and has no other effect", async () => {
    const reasons: string[] = [];
    const place = join(await newFolder(), "a-file");
    await writeFile(place, "");
    const file = {
      folder: join(place, "below"),
      budgetBytes: 1e6,
      onGivenUp: (reason: string) => void reasons.push(reason),
    };
    const loader = loaderOf({ cacheBytes: 0, file });
    expect(await epochs(loader)).toEqual(await epochs(loaderOf({ cacheBytes: 0 })));
    expect(reasons).toHaveLength(1);
    expect(loader.counters).toMatchObject({ decoded: 3 * all.length, diskHits: 0 });
  });
});
