/** Reading a data set: bytes checked, damage named after two reads, batches whole, memory bounded. */
import { beforeAll, describe, expect, it } from "vitest";
import { ImageMemoryCache } from "../../dataset/caching/image-memory-cache.js";
import { ShardCache } from "../../dataset/caching/shard-cache.js";
import { openDataset } from "../../dataset/dataset-reader.js";
import { ImageLoader, openLoaders } from "../../dataset/image-loader.js";
import { defaultImportOptions, importDataset } from "../../dataset/importing/import-dataset.js";
import { RandomStream } from "../../shared/random.js";
import type { ImageSpec } from "../../shared/spec.js";
import { flat, temporaryFolders, writeTree } from "../support/images.js";
import { MemoryStore } from "../support/memory-store.js";

const newFolder = temporaryFolders();
const store = new MemoryStore();
const image: ImageSpec = { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" };
const shard = "datasets/reds/shards/000000.tar";

/** Class "dark": red 0 to 9; class "light": red 200 to 209. */
beforeAll(async () => {
  const folder = await newFolder();
  const files: Record<string, Buffer> = {};
  for (let index = 0; index < 10; index += 1) {
    files[`train/dark/${index}.png`] = await flat({ r: index, g: 0, b: 0 }).png().toBuffer();
    files[`train/light/${index}.png`] = await flat({ r: 200 + index, g: 0, b: 0 })
      .png()
      .toBuffer();
  }
  files["validation/dark/v.png"] = await flat({ r: 50, g: 0, b: 0 }).png().toBuffer();
  files["validation/light/v.png"] = await flat({ r: 150, g: 0, b: 0 }).png().toBuffer();
  await writeTree(folder, files);
  await importDataset({ source: folder, name: "reds", store, options: defaultImportOptions });
});

/** A store with one byte of the shard changed, for so many reads. */
function damagedStore(offset: number, reads: number): MemoryStore {
  const damaged = new MemoryStore();
  for (const [key, bytes] of store.objects) damaged.objects.set(key, bytes);
  let left = reads;
  const get = damaged.get.bind(damaged);
  damaged.get = async (key, options) => {
    const bytes = await get(key, options);
    if (key === shard && left-- > 0) bytes[offset] = (bytes[offset] ?? 0) ^ 0xff;
    return bytes;
  };
  return damaged;
}

describe("opening", () => {
  it("names the data sets that there are, and refuses another hash", async () => {
    await expect(openDataset(store, "blues")).rejects.toThrow(
      /no data set "blues" in memory:; there are: reds/,
    );
    await expect(openDataset(store, "reds", "0".repeat(64))).rejects.toMatchObject({ code: "INPUT" });
  });

  it("says that a manifest is damaged, not that it is missing", async () => {
    const broken = new MemoryStore();
    await broken.put("datasets/reds/manifest.json", Buffer.from("{}"));
    await expect(openDataset(broken, "reds")).rejects.toMatchObject({ code: "DAMAGED" });
  });
});

describe("reading samples", () => {
  it("fetches a shard once, however many samples are read at a time", async () => {
    const reader = (await openDataset(store, "reds")).split("train");
    store.fetched.length = 0;
    await Promise.all(Array.from({ length: 20 }, (_, sample) => reader.read(sample)));
    expect(store.fetched).toEqual([shard]);
  });

  it("reads damaged bytes a second time, and only then names key, sample and source", async () => {
    const { manifest } = await openDataset(store, "reds");
    const entry = manifest.splits.train.shards[0]?.samples[3];
    const offset = (entry?.offset ?? 0) + 20;
    const once = (await openDataset(damagedStore(offset, 1), "reds")).split("train");
    expect((await once.read(3)).length).toBe(entry?.bytes);
    const twice = (await openDataset(damagedStore(offset, 2), "reds")).split("train");
    await expect(twice.read(3)).rejects.toMatchObject({
      code: "DAMAGED",
      fields: { key: shard, sample: 3, source: entry?.source },
    });
    const always = (await openDataset(damagedStore(offset, 99), "reds")).split("train");
    expect((await always.read(4)).length).toBeGreaterThan(0);
  });
});

describe("a batch", () => {
  it("holds the samples asked for, in their order, from the cache the second time", async () => {
    const reader = (await openDataset(store, "reds")).split("train");
    const loader = new ImageLoader(reader, image);
    const samples = Uint32Array.of(17, 3, 3, 0, 9);
    const first = await loader.batch(samples);
    expect(first.images.length).toBe(samples.length * 48);
    samples.forEach((sample, at) => {
      const { source } = reader.entry(sample);
      const [, name, index] = /(dark|light)\/(\d)/.exec(source) ?? [];
      expect(first.images[at * 48]).toBe((name === "light" ? 200 : 0) + Number(index));
      expect(first.labels[at]).toBe(name === "light" ? 1 : 0);
    });
    const { decoded } = loader.counters;
    expect(await loader.batch(samples)).toEqual(first);
    expect(loader.counters).toMatchObject({ decoded, cacheHits: 5 });
    expect(await loader.batch([])).toEqual({ images: new Uint8Array(0), labels: new Int32Array(0) });
  });

  it("keeps its labels in the run's class order, and refuses other classes", async () => {
    const { manifest } = await openDataset(store, "reds");
    const spec = { dataset: { name: "reds", hash: manifest.hash }, image, classes: ["light", "dark"] };
    const { validation } = await openLoaders(store, spec);
    const { images, labels } = await validation.batch([0, 1]);
    expect([...labels].map((label, at) => [label, images[at * 48]]).sort()).toEqual([
      [0, 150],
      [1, 50],
    ]);
    await expect(openLoaders(store, { ...spec, classes: ["light", "grey"] })).rejects.toMatchObject({
      code: "INPUT",
    });
  });

  it("stays within the memory of its cache, and is right without a cache", async () => {
    const reader = (await openDataset(store, "reds")).split("train");
    const all = Array.from({ length: 20 }, (_, sample) => sample);
    const plenty = await new ImageLoader(reader, image).batch(all);
    for (const cacheBytes of [0, 100, 48 * 5]) {
      const loader = new ImageLoader(reader, image, { cacheBytes });
      for (let epoch = 0; epoch < 3; epoch += 1) expect(await loader.batch(all)).toEqual(plenty);
      expect(loader.heldBytes).toBeLessThanOrEqual(cacheBytes);
    }
  });

  it("ends when its signal aborts", async () => {
    const loader = new ImageLoader((await openDataset(store, "reds")).split("train"), image);
    await expect(loader.batch([1], AbortSignal.abort())).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("the caches", () => {
  it("decoded images stay while they are used, and go when their lane has left", () => {
    const cache = new ImageMemoryCache(10, 1, 4);
    const target = new Uint8Array(1);
    const visit = (samples: number[]) =>
      samples.filter((sample) => {
        const isHit = cache.copyTo(sample, target);
        if (!isHit) cache.keep(sample, Uint8Array.of(sample));
        return isHit && target[0] === sample;
      }).length;
    const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    expect(visit(all)).toBe(0);
    for (let epoch = 0; epoch < 5; epoch += 1) expect(visit(all)).toBe(4);
    for (let epoch = 0; epoch < 6; epoch += 1) visit([6, 7, 8, 9]);
    expect(visit([6, 7, 8, 9])).toBe(4);
  });

  it("shards leave when the budget is full, the least recently used first", async () => {
    const shards = new MemoryStore();
    for (const key of ["a", "b", "c"]) await shards.put(key, new Uint8Array(10));
    const cache = new ShardCache(shards, 20);
    for (const key of ["a", "b", "a", "c", "a", "b"]) await cache.get(key);
    expect(shards.fetched).toEqual(["a", "b", "c", "b"]);
    expect(cache.fetchedBytes).toBe(40);
  });

  it.each([1, 2, 6, 12])(
    "more shards in use than fit cost little more than reading all once (%d fit)",
    async (fit) => {
      const [count, samples, sampleBytes] = [12, 100, 16];
      const shards = new MemoryStore();
      const contentOf = (shard: number, sample: number) => (shard * samples + sample) & 255;
      for (let shard = 0; shard < count; shard += 1) {
        const bytes = new Uint8Array(samples * sampleBytes);
        for (let at = 0; at < samples; at += 1)
          bytes.fill(contentOf(shard, at), at * sampleBytes, (at + 1) * sampleBytes);
        await shards.put(String(shard), bytes);
      }
      const shardBytes = samples * sampleBytes;
      const cache = new ShardCache(shards, fit * shardBytes);
      const all = Array.from({ length: count * samples }, (_, at) => at);
      for (let epoch = 0; epoch < 3; epoch += 1) {
        new RandomStream(epoch, 1).shuffle(all);
        for (const at of all) {
          const [shard, sample] = [Math.floor(at / samples), at % samples];
          const begin = sample * sampleBytes;
          const bytes = await cache.read(String(shard), begin, begin + sampleBytes);
          expect([...bytes]).toEqual(new Array(sampleBytes).fill(contentOf(shard, sample)));
        }
      }
      expect(cache.fetchedBytes).toBeLessThan(3 * 2 * count * shardBytes);
    },
  );

  it("at most 64 samples are fetched one by one at a time, from all readers together and however the reads end", async () => {
    const shards = new MemoryStore();
    for (let shard = 0; shard < 8; shard += 1)
      await shards.put(String(shard), new Uint8Array(100).fill(shard));
    const get = shards.get.bind(shards);
    let [underWay, most] = [0, 0];
    shards.get = async (key, options) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await new Promise(setImmediate);
      underWay -= 1;
      return await get(key, options);
    };
    const cache = new ShardCache(shards, 1);
    const sample = (shard: number) => cache.read(String(shard), 10, 12);
    for (let shard = 0; shard < 8; shard += 1) await sample(shard); // one fits: from now on they are crowded
    const reads = Array.from({ length: 500 }, (_, at) => ({ shard: at % 9, read: sample(at % 9) }));
    await Promise.allSettled(reads.map(({ read }) => read));
    expect(most).toBe(64);
    for (const { shard, read } of reads) {
      if (shard === 8) await expect(read).rejects.toMatchObject({ code: "NOT_FOUND" });
      else expect(await read).toEqual(new Uint8Array(2).fill(shard));
    }
  });
});
