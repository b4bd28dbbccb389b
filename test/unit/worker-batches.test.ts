/**
 * What workers compute in an epoch, from their own batches: every sample once over all of them, in another order each
 * epoch, with draws that depend neither on the number of workers nor on a restart (AU2, AU6).
 */

import { beforeAll, describe, expect, it } from "vitest";
import { openDataset } from "../../dataset/dataset-reader.js";
import { ImageLoader } from "../../dataset/image-loader.js";
import type { Manifest } from "../../dataset/manifest.js";
import { stepsPerEpoch } from "../../dataset/sample-order.js";
import { limits } from "../../shared/limits.js";
import { type RunSpec, samplesPerLane } from "../../shared/spec.js";
import { LaneBatches } from "../../worker/batches.js";
import { graphSizes } from "../../worker/prepared-run.js";
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
const specOf = (lanes: number, batchSize: number, change: Partial<RunSpec> = {}) =>
  tinySpec({ image, augmentation, lanes, batchSize, epochs, shuffleShards: 2, ...change });

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
      const place = { step, epoch, stepInEpoch, excluded: new Set<number>(), lane };
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

describe("a lane's calls", () => {
  const several = [
    ["2 calls to a gradient", { accumulation: 2 }],
    ["3 local steps", { localSteps: { count: 3, learningRate: 0.1 } }],
    ["3 local steps of 2 calls", { accumulation: 2, localSteps: { count: 3, learningRate: 0.1 } }],
  ] as const;

  /** Samples of each call, step by step of the first epoch; checks nothing itself. */
  async function callsOf(spec: RunSpec) {
    const worker = await workerOf(spec, 22);
    const steps = stepsPerEpoch(22, spec.lanes, samplesPerLane(spec));
    const calls: { step: number; lane: number; size: number; seed: string; samples: number[] }[] = [];
    for (let step = 0; step < steps; step += 1) {
      for (let lane = 0; lane < spec.lanes; lane += 1) {
        const at = { step, epoch: 0, stepInEpoch: step, excluded: new Set<number>() };
        const place = { ...at, lane };
        for (const { images, labels, dropoutSeed } of await worker.of(place)) {
          const samples = Array.from(
            labels,
            (_, at) => images[(at * images.length) / labels.length] as number,
          );
          calls.push({ step, lane, size: labels.length, seed: dropoutSeed.join(), samples });
        }
      }
    }
    return calls;
  }

  it.each(several)(
    "with %s visit each sample once an epoch, in the order of a call a step",
    async (_, change) => {
      const spec = specOf(2, 8, change);
      const calls = await callsOf(spec);
      const order = (all: typeof calls, lane: number) =>
        all.filter((call) => call.lane === lane).flatMap(({ samples }) => samples);
      expect(calls.flatMap(({ samples }) => samples).sort((a, b) => a - b)).toEqual([...Array(22).keys()]);
      const plain = await callsOf(specOf(2, 8));
      for (const lane of [0, 1]) expect(order(calls, lane)).toEqual(order(plain, lane));
    },
  );

  it.each(several)(
    "with %s have micro-batches of which each has a seed and a recorded graph",
    async (_, change) => {
      const spec = specOf(2, 8, change);
      const calls = await callsOf(spec);
      expect(new Set(calls.map(({ seed }) => seed)).size).toBe(calls.length);
      const sizes = graphSizes(spec, manifests.get(22) as Manifest).gradients;
      expect(new Set(calls.map(({ size }) => size))).toEqual(new Set(sizes));
      expect(sizes.every((size) => size <= 4 / spec.accumulation)).toBe(true);
    },
  );

  it("with 3 local steps are 3 global batches in a step, and what is left in the epoch's last", async () => {
    const calls = await callsOf(specOf(2, 8, { localSteps: { count: 3, learningRate: 0.1 } }));
    const sizes = calls.filter(({ lane }) => lane === 0).map(({ size }) => size);
    expect(sizes).toEqual([4, 4, 3]);
    const four = await callsOf(specOf(2, 4, { localSteps: { count: 3, learningRate: 0.1 } }));
    const perStep = [0, 1].map((step) => four.filter((call) => call.step === step && call.lane === 0));
    expect(perStep.map((step) => step.map(({ size }) => size))).toEqual([
      [2, 2, 2],
      [2, 2, 1],
    ]);
  });
});

describe("loading ahead", () => {
  /** What is asked of the loader, in order: the samples of each call. */
  async function askedBy(spec: RunSpec, work: (batches: LaneBatches) => Promise<unknown> | undefined) {
    const asked: string[] = [];
    const loader = {
      batch: async (samples: ArrayLike<number>) => {
        asked.push(Array.from(samples).join());
        return { images: new Uint8Array(0), labels: new Int32Array(0) };
      },
    };
    const { train } = (manifests.get(22) as Manifest).splits;
    const steps = stepsPerEpoch(22, spec.lanes, samplesPerLane(spec));
    await work(new LaneBatches(spec, train, loader, steps));
    return asked;
  }

  it("begins with this step's lanes, before weights are waited for, and no call is loaded twice", async () => {
    const spec = specOf(2, 4);
    const at = (step: number) => ({ step, epoch: 0, stepInEpoch: step, excluded: new Set<number>() });
    const lanes = [0, 1];
    const ofStep = (step: number) =>
      askedBy(spec, async (batches) => {
        for (const lane of lanes) await batches.of({ ...at(step), lane });
      });
    const wanted = [...(await ofStep(0)), ...(await ofStep(1)), ...(await ofStep(2))];
    const asked = await askedBy(spec, async (batches) => {
      batches.prefetch(at(0), lanes);
      for (const lane of lanes) await batches.of({ ...at(0), lane });
    });
    expect(asked).toEqual(wanted);
  });

  it("ends with the run", async () => {
    const last = { step: 17, epoch: epochs - 1, stepInEpoch: 5, excluded: new Set<number>() };
    const asked = await askedBy(specOf(2, 4), async (batches) => batches.prefetch(last, [0, 1]));
    expect(asked).toHaveLength(2);
  });
});

describe("memory and depth of loading ahead", () => {
  /** 3 MiB an image, a sample a lane and step: 85 of them fit. The loader answers when it is told to. */
  const huge: RunSpec["image"] = {
    height: 1024,
    width: 1024,
    channels: 3,
    resize: "nearest",
    colour: "srgb",
  };
  const flushed = () => new Promise((resolve) => setImmediate(resolve));
  const at = (step: number) => ({ step, epoch: 0, stepInEpoch: step, excluded: new Set<number>() });

  function batchesOf(lanes: number, samples: number) {
    const answers: (() => void)[] = [];
    const loader = {
      batch: () =>
        new Promise<{ images: Uint8Array; labels: Int32Array }>((resolve) => {
          answers.push(() => resolve({ images: new Uint8Array(0), labels: new Int32Array(0) }));
        }),
    };
    const spec = tinySpec({ image: huge, augmentation, lanes, batchSize: lanes, epochs: 1 });
    const split = { samples, shards: [{ key: "", bytes: 1, sha256: "", samples: new Array(samples) }] };
    return { answers, batches: new LaneBatches(spec, split, loader, samples / lanes) };
  }

  it("never holds more than its budget, and comes to every lane of the step all the same", async () => {
    const { answers, batches } = batchesOf(200, 400);
    const lanes = Array.from({ length: 200 }, (_, lane) => lane);
    batches.prefetch(at(0), lanes);
    expect(batches.heldBytes).toBeGreaterThan(limits.prefetchBytes * 0.9);
    for (const lane of lanes) {
      const call = batches.of({ ...at(0), lane });
      for (const answer of answers.splice(0)) answer();
      await call;
      expect(batches.heldBytes).toBeLessThanOrEqual(limits.prefetchBytes);
    }
    await flushed();
    expect(batches.heldBytes).toBeGreaterThan(limits.prefetchBytes * 0.9); // the next step's by now
  });

  it("goes further ahead each time that it had to wait, up to a limit, and not when it hadn't", async () => {
    const { answers, batches } = batchesOf(1, 40);
    /** In one lane of one sample a step the n-th call is step n's. */
    let answered = 0;
    const answerUpTo = async (step: number) => {
      for (; answered <= step && answered < answers.length; answered += 1) answers[answered]?.();
      await flushed();
    };
    const aheadAt = async (step: number, isLate: boolean) => {
      batches.prefetch(at(step), [0]);
      if (!isLate) await answerUpTo(step);
      const call = batches.of({ ...at(step), lane: 0 });
      await answerUpTo(step);
      await call;
      return batches.heldBytes / (1024 * 1024 * 3) - 1;
    };
    const { least, most } = limits.prefetchSteps;
    for (let step = 0; step < 4; step += 1) expect(await aheadAt(step, false)).toBe(least);
    const depths: number[] = [];
    for (let step = 4; step < 16; step += 1) depths.push(await aheadAt(step, true));
    expect(depths[0]).toBe(least);
    expect(Math.max(...depths)).toBeLessThanOrEqual(most);
    expect(depths.at(-1)).toBeGreaterThan(least);
  });
});
