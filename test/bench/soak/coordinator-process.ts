/** A standing coordinator with a queue of emulated runs, in a process of its own that tells what it uses. */
import { readdirSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { RunQueue } from "../../../coordinator/standing/queue.js";
import { standReady } from "../../../coordinator/standing/standing-coordinator.js";
import { letHeapGrow } from "../../../shared/heap.js";
import { createLogger } from "../../../shared/log.js";
import { type CoordinatorMetrics, coordinatorMetrics } from "../../../shared/metrics.js";
import { readQueue } from "../../../shared/queue.js";
import { runKey } from "../../../shared/spec.js";
import type { ObjectStore } from "../../../shared/store/object-store.js";
import { openStore } from "../../../shared/store/open.js";
import { tinySpec } from "../../support/core-driver.js";
import { putFlatDataset } from "../../support/flat-dataset.js";
import { MemoryStore } from "../../support/memory-store.js";
import { samplesOf } from "../emulated/protocol.js";
import type { FromCoordinator, SoakPlan, ToCoordinator } from "./protocol.js";

letHeapGrow();
setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const plan = JSON.parse(process.argv[2] ?? "") as SoakPlan;
const { cell } = plan;
const say = (message: FromCoordinator) => process.send?.(message);
const signal = new AbortController().signal;
const store = await openStore(`file:${plan.folder}`, { purpose: "create", signal });
await fillStore(store);

/** Metrics of all runs so far: a soak has few. */
const metrics: CoordinatorMetrics[] = [];
const delays = monitorEventLoopDelay({ resolution: 5 });
delays.enable();
let told = { checkpoints: 0, checkpointSeconds: 0 };

/** Data set, specs and queue. */
async function fillStore(target: ObjectStore): Promise<void> {
  const memory = new MemoryStore();
  const training = samplesOf(cell);
  const manifest = await putFlatDataset(memory, {
    name: "flat",
    training,
    validation: 1,
    perShard: training,
  });
  for (const [key, bytes] of memory.objects) await target.put(key, bytes);
  const queue = new RunQueue(target);
  const stepsPerEpoch = training / cell.workers;
  for (let number = 1; number <= plan.runs; number += 1) {
    const run = `soak-${number}`;
    const spec = tinySpec({
      run,
      dataset: { name: "flat", hash: manifest.hash },
      image: { height: 4, width: 4, channels: 3, resize: "nearest", colour: "srgb" },
      epochs: Math.max(1, Math.round(plan.steps / stepsPerEpoch)),
      batchSize: cell.workers,
      lanes: cell.workers,
      seed: number,
      checkpoint: { keep: 2, everySteps: null, everySeconds: null },
      wire: cell.wire,
    });
    await target.put(runKey(run, "spec.json"), Buffer.from(JSON.stringify(spec)));
    await queue.add({ run, submittedAt: new Date().toISOString(), by: "bench", after: 0 });
  }
}

const sumOf = async (value: (of: CoordinatorMetrics) => Promise<number>) =>
  (await Promise.all(metrics.map(value))).reduce((sum, one) => sum + one, 0);
const committedOf = async ({ stepsCommitted }: CoordinatorMetrics) =>
  (await stepsCommitted.get()).values[0]?.value ?? 0;
const partOf =
  (suffix: string) =>
  async ({ checkpointDuration }: CoordinatorMetrics) =>
    (await checkpointDuration.get()).values.find(({ metricName }) => metricName?.endsWith(suffix))?.value ??
    0;

async function usage(): Promise<FromCoordinator> {
  const [stallMs, stallMs99] = [delays.max / 1e6, delays.percentile(99) / 1e6];
  const [checkpoints, checkpointSeconds] = [await sumOf(partOf("_count")), await sumOf(partOf("_sum"))];
  const before = told;
  told = { checkpoints, checkpointSeconds };
  collectGarbage();
  const memory = process.memoryUsage();
  const message: FromCoordinator = {
    tag: "usage",
    committed: await sumOf(committedOf),
    residentBytes: memory.rss,
    heapBytes: memory.heapUsed,
    externalBytes: memory.external,
    descriptors: readdirSync("/proc/self/fd").length,
    stallMs,
    stallMs99,
    checkpoints: checkpoints - before.checkpoints,
    checkpointMs:
      (1000 * (checkpointSeconds - before.checkpointSeconds)) / (checkpoints - before.checkpoints),
  };
  delays.reset(); // the collection above does not count
  return message;
}

const progress = async (): Promise<FromCoordinator> => ({
  tag: "progress",
  committed: await sumOf(committedOf),
  isQueueEmpty: (await readQueue(store)).length === 0,
});

process.on("message", ({ tag }: ToCoordinator) => {
  (tag === "usage" ? usage() : progress()).then(say, (error: unknown) => {
    console.error(error);
    process.exit(1);
  });
});
process.on("SIGTERM", () => process.exit(0));

await standReady({
  store,
  host: "127.0.0.1",
  insecure: false,
  port: 0,
  tensorPort: 0,
  httpPort: 0,
  reducers: cell.reducers,
  lingerMs: 2_000,
  logger: createLogger({ role: "coordinator", level: "error" }),
  signal,
  catalogue: {
    create: () => Promise.reject(new Error("the soak's runs lie in the store")),
    describe: async (run) => ({ run }),
    end: async () => null,
  },
  makeMetrics: () => {
    const made = coordinatorMetrics();
    metrics.push(made);
    return made;
  },
  onReady: (addresses) => say({ tag: "ready", ...addresses }),
});
