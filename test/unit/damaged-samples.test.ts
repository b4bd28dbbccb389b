/**
 * Damage after the import: what is read twice and still wrong is named, sample by sample and for no other;
 * a store that is another one, or slow, never counts as damage; what is excluded is not read any more.
 */

import { beforeEach, describe, expect, it } from "vitest";
import { DamagedSampleError } from "../../dataset/damaged-sample-error.js";
import { openDataset } from "../../dataset/dataset-reader.js";
import { ImageLoader } from "../../dataset/image-loader.js";
import { type Manifest, manifestKey } from "../../dataset/manifest.js";
import { TrainyardError } from "../../shared/errors.js";
import type { RunSpec } from "../../shared/spec.js";
import { carryOut } from "../../worker/assignments.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { tinySpec } from "../support/core-driver.js";
import { type FlatDataset, putFlatDataset } from "../support/flat-dataset.js";
import { MemoryStore } from "../support/memory-store.js";
import {
  audit,
  CountingEngine,
  evaluate,
  gradients,
  ListeningCoordinator,
  openPlace,
} from "../support/worker-place.js";

const dataset: FlatDataset = { name: "flat", training: 24, validation: 10, perShard: 4 };
const image: RunSpec["image"] = { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" };
/** Two lanes of 12 samples, 4 of each a step, in two calls. */
const spec = tinySpec({ image, lanes: 2, batchSize: 8, accumulation: 2, shuffleShards: 8 });
const train = (shard: number) => `datasets/flat/shards/train-${shard}.tar`;

let store: MemoryStore;
let manifest: Manifest;
beforeEach(async () => {
  store = new MemoryStore();
  manifest = await putFlatDataset(store, dataset);
});

/** Changes a byte of a training sample in the store, for good. */
function spoil(...samples: number[]): void {
  for (const sample of samples) {
    const shard = manifest.splits.train.shards[Math.floor(sample / 4)];
    const entry = shard?.samples[sample % 4];
    const bytes = store.objects.get(shard?.key ?? "");
    if (entry === undefined || bytes === undefined) throw new Error(`no sample ${sample}`);
    const at = entry.offset + 20;
    bytes[at] = (bytes[at] ?? 0) ^ 0xff;
  }
}

async function loaderOf(cacheBytes?: number): Promise<ImageLoader> {
  const opened = await openDataset(store, "flat", "flat", cacheBytes === undefined ? {} : { cacheBytes });
  return new ImageLoader(opened.split("train"), image, { cacheBytes: 0 });
}

const damageOf = async (batch: Promise<unknown>): Promise<DamagedSampleError> => {
  const caught = await batch.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(caught instanceof DamagedSampleError)) throw new Error(`no damage, but ${String(caught)}`);
  return caught;
};

describe("a batch", () => {
  it("names every damaged sample in it, and no other", async () => {
    spoil(3, 9, 20);
    const { samples: damage, code } = await damageOf((await loaderOf()).batch([2, 3, 8, 9, 10]));
    expect(damage.map(({ sample, key }) => [sample, key])).toEqual([
      [3, train(0)],
      [9, train(2)],
    ]);
    expect(code).toBe("DAMAGED");
    expect(damage[0]?.reason).toBe(
      `sample 3 (train/3.png) in ${train(0)} does not match its hash, read twice; the object is damaged`,
    );
  });

  it("reads a shard twice, not once a sample, however many of its samples are damaged", async () => {
    spoil(0, 1, 2, 3);
    const loader = await loaderOf();
    store.fetched.length = 0;
    expect((await damageOf(loader.batch([0, 1, 2, 3]))).samples).toHaveLength(4);
    expect(store.fetched.length).toBeGreaterThanOrEqual(2);
    const before = store.fetched.length;
    await damageOf(loader.batch([3, 2, 1, 0]));
    expect(store.fetched.length).toBe(before); // read twice alike: a third read would tell nothing
    expect(before).toBeLessThanOrEqual(3);
  });

  it("is whole when the second read is, and is read again when the object was mended", async () => {
    spoil(5);
    const loader = await loaderOf(0);
    await damageOf(loader.batch([5]));
    spoil(5); // the same bit flips back
    await loader.batch([9]); // another shard takes the only place in the cache
    expect((await loader.batch([5])).images[0]).toBe(5);
  });

  it("reads a second time what does not decode, and names it", async () => {
    store = new MemoryStore();
    manifest = await putFlatDataset(store, { ...dataset, undecodable: [6] });
    const loader = await loaderOf();
    store.fetched.length = 0;
    const { samples: damage } = await damageOf(loader.batch([5, 6, 7]));
    expect(damage).toMatchObject([{ sample: 6, key: train(1), isMissing: false }]);
    expect(damage[0]?.reason).toMatch(/^sample 6 \(train\/6\.png\) in .*train-1\.tar is /);
    expect(store.fetched).toEqual([train(1), train(1)]);
  });

  it("tells a missing object from a missing store, and asks twice", async () => {
    store.objects.delete(train(1));
    const loader = await loaderOf();
    store.fetched.length = 0;
    const { samples: damage, code } = await damageOf(loader.batch([3, 4]));
    expect([code, store.fetched.filter((key) => key === train(1)).length]).toEqual(["NOT_FOUND", 2]);
    expect(damage).toMatchObject([{ sample: 4, key: train(1), isMissing: true }]);
    store.objects.delete(manifestKey("flat"));
    await expect(loader.batch([4])).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
  });

  it("that meets a slow store beside damage says that the store is slow: nothing is certain then", async () => {
    spoil(3);
    const loader = await loaderOf();
    const get = store.get.bind(store);
    store.get = async (key, options) => {
      if (key === train(4)) throw new TrainyardError("STORE_UNREACHABLE", "no answer for 30 s");
      return await get(key, options);
    };
    await expect(loader.batch([3, 17])).rejects.toMatchObject({ code: "STORE_UNREACHABLE" });
  });
});

describe("a worker", () => {
  let place: PreparedRun;
  let engine: CountingEngine;
  let coordinator: ListeningCoordinator;
  const open = async (imageCacheBytes = 0) => {
    engine = new CountingEngine();
    place = await openPlace(store, manifest, spec, engine, { imageCacheBytes });
    coordinator = new ListeningCoordinator(engine.layout);
  };
  beforeEach(() => open());
  const ofLane = (lane: number, excluded: number[] = [], stepInEpoch = 0) => [
    ...place.batches.samplesOf({
      step: 0,
      epoch: 0,
      stepInEpoch,
      excluded: new Set(excluded),
      lane,
    }),
  ];

  it("reports a lane's damaged samples of both its calls, records the other lane, and names no sample of it", async () => {
    const [first, , , last] = ofLane(0) as [number, number, number, number];
    spoil(first, last);
    await carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 1], attempt: 2 }));
    const reported = coordinator.of("damaged");
    expect(reported.flatMap(({ samples }) => samples).sort((a, b) => a - b)).toEqual(
      [first, last].sort((a, b) => a - b),
    );
    for (const one of reported) expect(one).toMatchObject({ step: 0, attempt: 2, split: "train" });
    expect(coordinator.of("laneRecord")).toMatchObject([{ lane: 1, attempt: 2, samples: 4 }]);
    expect(coordinator.uploads).toMatchObject([{ node: { begin: 1, end: 2 }, kind: "GRADIENT" }]);
  });

  it("reports all samples of the lane's step that lie in a missing object, also those it holds decoded", async () => {
    await open(1e6);
    const mine = ofLane(0);
    const shards = mine.map((sample) => Math.floor(sample / 4));
    const shard = shards.find((one, at) => shards.indexOf(one) < at) as number; // several of the samples lie in it
    await place.training.batch([mine[shards.indexOf(shard)] as number]);
    store.objects.delete(train(shard));
    await place.training.batch([23]); // the shard that was held makes room
    await carryOut(coordinator.contextOf(place), gradients());
    const lost = mine.filter((sample) => Math.floor(sample / 4) === shard).sort((a, b) => a - b);
    expect(lost.length).toBeGreaterThan(1); // else nothing is read any more
    expect(coordinator.of("damaged")).toMatchObject([{ samples: lost, key: train(shard) }]);
    for (const sample of lost)
      expect(coordinator.of("damaged")[0]?.reason).toMatch(new RegExp(`\\b${sample}\\b`));
  });

  it("computes what is left of a lane when a sample is excluded, in order, in calls cut from the rest", async () => {
    const [, second] = ofLane(0) as [number, number];
    spoil(second);
    await carryOut(coordinator.contextOf(place), gradients({ excluded: [second], attempt: 1 }));
    const rest = ofLane(0, [second]);
    expect(engine.computed).toEqual([rest.slice(0, 2), rest.slice(2)]);
    expect(coordinator.of("laneRecord")).toMatchObject([{ samples: 3, attempt: 1 }]);
    expect(coordinator.of("damaged")).toEqual([]);
  });

  it("never uses a batch that was read ahead without knowing an exclusion", async () => {
    const next = { step: 1, stepInEpoch: 1 };
    const asked: string[] = [];
    const { training } = place;
    const batch = training.batch.bind(training);
    training.batch = (samples, signal) => {
      asked.push([...Array.from(samples)].join());
      return batch(samples, signal);
    };
    const [gone] = ofLane(0, [], 1) as [number];
    await carryOut(coordinator.contextOf(place), gradients());
    engine.computed.length = 0;
    await carryOut(coordinator.contextOf(place), gradients({ ...next, excluded: [gone] }));
    expect(engine.computed.flat()).toEqual(ofLane(0, [gone], 1));
    // One that was read ahead with all that matters to it is used: asked for once.
    await carryOut(coordinator.contextOf(place), gradients({ step: 2, stepInEpoch: 2, excluded: [gone] }));
    const calls = ofLane(0, [gone], 2);
    expect(asked.filter((samples) => samples === calls.slice(0, 2).join())).toHaveLength(1);
    expect(asked.filter((samples) => samples === ofLane(0, [], 1).slice(0, 2).join())).toHaveLength(1);
  });

  it("leaves out a lane that has no sample left: its sibling's sum is the root", async () => {
    const gone = ofLane(1);
    await carryOut(coordinator.contextOf(place), gradients({ lanes: [0, 1], excluded: gone }));
    expect(coordinator.of("laneRecord").map(({ lane }) => lane)).toEqual([0]);
    expect(coordinator.uploads).toMatchObject([{ node: { begin: 0, end: 2 } }]);
  });

  it("ends an audit that it can't read with a report and no answer", async () => {
    spoil(ofLane(0)[2] as number);
    await carryOut(coordinator.contextOf(place), audit({ endLane: 2 }));
    expect(coordinator.said.map(({ kind }) => kind)).toEqual(["damaged"]);
    expect(coordinator.uploads).toEqual([]);
  });

  it("reports a block that it can't read, answers the others, and predicts what is left of one", async () => {
    // Blocks are of 64 samples: a validation split of its own.
    store = new MemoryStore();
    manifest = await putFlatDataset(store, { ...dataset, validation: 140, perShard: 50 });
    await open();
    const validation = (shard: number) => `datasets/flat/shards/validation-${shard}.tar`;
    store.objects.delete(validation(0)); // 0 to 49, all in block 0
    await carryOut(coordinator.contextOf(place), evaluate({ blocks: [0, 1, 2], excluded: [64, 130] }));
    expect(coordinator.of("damaged")).toEqual([
      {
        kind: "damaged",
        step: 0,
        attempt: 0,
        split: "validation",
        samples: Array.from({ length: 50 }, (_, sample) => sample),
        key: validation(0),
        reason: expect.stringContaining("is not in the store any more, and 49 more in the same object"),
      },
    ]);
    const blocks = coordinator.of("blockResult");
    expect(blocks.map(({ block, predicted }) => [block, predicted.length])).toEqual([
      [1, 63],
      [2, 11],
    ]);
    expect(engine.evaluated.flat()).not.toContain(64);
    expect(engine.evaluated.flat()).not.toContain(130);
    expect(blocks[0]?.predicted[0]).toBe(1); // of sample 65
  });

  it("answers a block of which nothing is left without the engine", async () => {
    const all = Array.from({ length: dataset.validation }, (_, sample) => sample);
    await carryOut(coordinator.contextOf(place), evaluate({ excluded: all }));
    expect(coordinator.of("blockResult")).toMatchObject([{ block: 0, lossSum: 0, predicted: [] }]);
    expect(engine.evaluated).toEqual([]);
  });
});
