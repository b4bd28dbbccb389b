/**
 * Emulated workers in one process: the real worker on real streams, with an engine that answers after a set delay with
 * a gradient that was made beforehand. Nothing is decoded and nothing computed, so what is measured is the rest.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ImageLoader } from "../../../dataset/image-loader.js";
import { stepsPerEpoch } from "../../../dataset/sample-order.js";
import { letHeapGrow } from "../../../shared/heap.js";
import { createLogger } from "../../../shared/log.js";
import { workerMetrics } from "../../../shared/metrics.js";
import { RandomStream } from "../../../shared/random.js";
import { type RunSpec, samplesPerLane } from "../../../shared/spec.js";
import { LaneBatches } from "../../../worker/batches.js";
import { realDependencies } from "../../../worker/dependencies.js";
import type { EngineClient } from "../../../worker/engine-client.js";
import type { PreparedRun } from "../../../worker/prepared-run.js";
import { runWorker } from "../../../worker/worker.js";
import { MemoryStore } from "../../support/memory-store.js";
import { type Cell, layoutOf, samplesOf } from "./protocol.js";

letHeapGrow();
const cell = JSON.parse(process.argv[2] ?? "") as Cell;
const address = process.argv[3] ?? "";
const layout = layoutOf(cell.parameters);
const random = new RandomStream(1);
const pattern = Float32Array.from({ length: 4_096 }, () => random.nextBetween(-1e-3, 1e-3));

/** A vector of its own for each worker: a sum is added into what the engine gave. */
function gradientOf(): Float32Array {
  const gradient = new Float32Array(new SharedArrayBuffer(4 * cell.parameters));
  for (let at = 0; at < gradient.length; at += pattern.length) {
    gradient.set(pattern.subarray(0, gradient.length - at), at);
  }
  return gradient;
}

function engineOf(gradient: Float32Array): EngineClient {
  const answers: Record<string, (input: never) => unknown> = {
    initialise: () => gradient.slice(),
    setWeights: () => null,
    lane: () => ({
      lossSum: 1,
      correct: 1,
      samples: 1,
      finite: true,
      gradient,
      statistics: new Float64Array(0),
    }),
    block: ({ labels }: { labels: Int32Array }) => ({ lossSum: 1, predicted: Array.from(labels) }),
    tensorCount: () => 0,
  };
  return {
    isDead: false,
    call: async (name: string, input: never) => {
      if (name === "lane" && cell.delayMs > 0) await sleep(cell.delayMs);
      const answer = answers[name];
      if (answer === undefined) throw new Error(`the emulated engine knows no ${name}`);
      return { output: answer(input), seconds: cell.delayMs / 1000 };
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

async function prepareRun(spec: RunSpec): Promise<PreparedRun> {
  const split = { samples: samplesOf(cell), shards: [] };
  const train = { ...split, shards: [shardOf(split.samples)] };
  const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
  return {
    spec,
    store: new MemoryStore(),
    manifest: {
      splits: { train, validation: { samples: 1, shards: [shardOf(1)] } },
    } as unknown as PreparedRun["manifest"],
    layout,
    engine: engineOf(gradientOf()),
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

process.on("SIGTERM", () => process.exit(0));
const metrics = workerMetrics();
for (let worker = 0; worker < cell.workers; worker += 1) {
  runWorker({
    coordinator: address,
    id: `emulated-${worker}`,
    metricsAddress: "",
    logger: createLogger({ role: "worker", level: "error" }),
    metrics,
    signal: new AbortController().signal,
    dependencies: { ...realDependencies, prepareRun },
  }).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
