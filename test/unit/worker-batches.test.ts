/**
 * What workers compute in an epoch, from their own batches: every sample once over all of them, in another order each
 * epoch, with draws that depend neither on the number of workers nor on a restart (AU2, AU6).
 */
import { beforeAll, describe, expect, it } from "vitest";
import { ImageLoader } from "../../dataset/image-loader.js";
import type { Manifest } from "../../dataset/manifest.js";
import { openDataset } from "../../dataset/open.js";
import { stepsPerEpoch } from "../../dataset/order.js";
import { type RunSpec, samplesPerLane } from "../../shared/spec.js";
import { LaneBatches } from "../../worker/batches.js";
import { tinySpec } from "../support/core-driver.js";
import { putFlatDataset } from "../support/flat-dataset.js";
import { MemoryStore } from "../support/memory-store.js";

const epochs = 3;
const augmentation: RunSpec["augmentation"] = {
  ...tinySpec().augmentation,
  rotationRange: 20,
  widthShiftRange: 0.1,
  zoomRange: 0.1,
  horizontalFlip: true,
};
const image: RunSpec["image"] = { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" };
const specOf = (lanes: number, batchSize: number) =>
  tinySpec({ image, augmentation, lanes, batchSize, epochs, shuffleShards: 2 });

const store = new MemoryStore();
const manifests = new Map<number, Manifest>();
beforeAll(async () => {
  for (const training of [8, 22]) {
    const dataset = { name: `flat-${training}`, training, validation: 1, perShard: 5 };
    manifests.set(training, await putFlatDataset(store, dataset));
  }
});

/** A worker that knows nothing of any other, nor of an earlier life. */
async function workerOf(spec: RunSpec, training: number): Promise<LaneBatches> {
  const manifest = manifests.get(training) as Manifest;
  const dataset = await openDataset(store, manifest.name);
  const { train } = manifest.splits;
  const steps = stepsPerEpoch(training, spec.lanes, samplesPerLane(spec));
  return new LaneBatches(spec, train, new ImageLoader(dataset.split("train"), image), steps);
}

interface Drawn {
  readonly epoch: number;
  readonly step: number;
  readonly sample: number;
  /** Transform and dropout seed of its call, as text. */
  readonly draw: string;
}

/** All that `workers` workers compute from `from` on, lanes dealt in turn; workers start there. */
async function epochsOf(spec: RunSpec, training: number, workers: number, from = 0): Promise<Drawn[]> {
  const all = await Promise.all(Array.from({ length: workers }, () => workerOf(spec, training)));
  const perEpoch = stepsPerEpoch(training, spec.lanes, samplesPerLane(spec));
  const drawn: Drawn[] = [];
  for (let step = from; step < epochs * perEpoch; step += 1) {
    const [epoch, stepInEpoch] = [Math.floor(step / perEpoch), step % perEpoch];
    for (let lane = 0; lane < spec.lanes; lane += 1) {
      const place = { step, epoch, stepInEpoch, lane, excluded: new Set<number>() };
      const batches = await (all[lane % workers] as LaneBatches).of(place);
      for (const { images, labels, transforms, dropoutSeed } of batches) {
        labels.forEach((_, at) => {
          const sample = images[(at * images.length) / labels.length] as number;
          const draw = `${transforms.slice(at * 8, at * 8 + 8).join()} ${dropoutSeed}`;
          drawn.push({ epoch, step, sample, draw });
        });
      }
    }
  }
  return drawn;
}

const samplesIn = (drawn: readonly Drawn[], epoch: number) =>
  drawn.filter((one) => one.epoch === epoch).map(({ sample }) => sample);

describe("three epochs of 22 samples on two workers", () => {
  const spec = specOf(5, 5);

  it("visit each sample once an epoch over both, and in another order each time", async () => {
    const drawn = await epochsOf(spec, 22, 2);
    const orders = Array.from({ length: epochs }, (_, epoch) => samplesIn(drawn, epoch));
    for (const order of orders) {
      expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 22 }, (_, sample) => sample));
    }
    expect(new Set(orders.map((order) => order.join())).size).toBe(epochs);
  });

  it("go on in the middle of the second as if nothing had happened, with one worker more", async () => {
    const whole = await epochsOf(spec, 22, 2);
    const resumed = await epochsOf(spec, 22, 3, 7);
    expect(resumed).toEqual(whole.filter(({ step }) => step >= 7));
    const second = [...whole.filter(({ step }) => step < 7), ...resumed];
    expect(samplesIn(second, 1).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 22 }, (_, sample) => sample),
    );
  });
});

describe("eight samples over four workers and three epochs", () => {
  const spec = specOf(4, 4);

  it("are drawn in 24 ways, which are the same on two workers", async () => {
    const drawn = await epochsOf(spec, 8, 4);
    expect(drawn).toHaveLength(24);
    expect(new Set(drawn.map(({ draw }) => draw.split(" ")[0])).size).toBe(24);
    expect(await epochsOf(spec, 8, 2)).toEqual(drawn);
  });
});
