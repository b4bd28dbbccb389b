/**
 * What an emulated worker computes with: an engine that answers after a set delay with a gradient that was made
 * beforehand, and a data set without bytes. Nothing is decoded and nothing computed.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ImageLoader } from "../../../dataset/image-loader.js";
import { stepsPerEpoch } from "../../../dataset/sample-order.js";
import { RandomStream } from "../../../shared/random.js";
import { type RunSpec, samplesPerLane } from "../../../shared/spec.js";
import { LaneBatches } from "../../../worker/batches.js";
import type { EngineClient } from "../../../worker/engine-client.js";
import type { PreparedRun } from "../../../worker/prepared-run.js";
import { MemoryStore } from "../../support/memory-store.js";
import { type Cell, layoutOf, samplesOf } from "./protocol.js";

const random = new RandomStream(1);
const pattern = Float32Array.from({ length: 4_096 }, () => random.nextBetween(-1e-3, 1e-3));

/** A vector of its own for each worker: a sum is added into what the engine gave. */
function gradientOf({ parameters }: Cell): Float32Array {
  const gradient = new Float32Array(new SharedArrayBuffer(4 * parameters));
  for (let at = 0; at < gradient.length; at += pattern.length) {
    gradient.set(pattern.subarray(0, gradient.length - at), at);
  }
  return gradient;
}

function engineOf(gradient: Float32Array, { delayMs, copiesGradients }: Cell): EngineClient {
  const answers: Record<string, (input: never) => unknown> = {
    initialise: () => gradient.slice(),
    setWeights: () => null,
    lane: () => ({
      lossSum: random.nextBetween(0, 2),
      correct: 1,
      samples: 1,
      finite: true,
      gradient: copiesGradients ? gradient.slice() : gradient,
      statistics: new Float64Array(0),
    }),
    block: ({ labels }: { labels: Int32Array }) => ({ lossSum: 1, predicted: Array.from(labels) }),
    tensorCount: () => 0,
  };
  return {
    isDead: false,
    call: async (name: string, input: never) => {
      if (name === "lane" && delayMs > 0) await sleep(delayMs);
      const answer = answers[name];
      if (answer === undefined) throw new Error(`the emulated engine knows no ${name}`);
      return { output: answer(input), seconds: delayMs / 1000 };
    },
    close: async () => undefined,
  } as unknown as EngineClient;
}

const loader = {
  counters: { cacheHits: 0, decoded: 0, decodeSeconds: 0, fetchSeconds: 0 },
  heldBytes: 0,
  batch: async (samples: ArrayLike<number>) => ({
    images: new Uint8Array(0),
    labels: new Int32Array(samples.length),
  }),
} as unknown as ImageLoader;

/** A run as an emulated worker has prepared it. */
export async function emulatedRun(cell: Cell, spec: RunSpec): Promise<PreparedRun> {
  const split = { samples: samplesOf(cell), shards: [] };
  const train = { ...split, shards: [shardOf(split.samples)] };
  const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
  return {
    spec,
    store: new MemoryStore(),
    manifest: {
      splits: { train, validation: { samples: 1, shards: [shardOf(1)] } },
    } as unknown as PreparedRun["manifest"],
    layout: layoutOf(cell.parameters),
    engine: engineOf(gradientOf(cell), cell),
    batches: new LaneBatches(spec, train, loader, steps),
    training: loader,
    validation: loader,
    publish: async () => [],
    close: async () => undefined,
  };
}

const shardOf = (samples: number) => ({
  key: "flat",
  bytes: 1,
  sha256: "",
  samples: Array.from({ length: samples }, () => ({ offset: 0, bytes: 1, label: 0, sha256: "", source: "" })),
});
