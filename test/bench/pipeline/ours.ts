/**
 * Our half of the pipeline bench, in a process of its own: batches read ahead, decoded and kept as a worker does, into an
 * engine thread that only augments. Arguments: store, spec as JSON. Prints one JSON line: the seconds of each epoch.
 */

import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { DecodePool } from "../../../dataset/decoding/decode-pool.js";
import { openLoaders } from "../../../dataset/image-loader.js";
import { stepsPerEpoch } from "../../../dataset/sample-order.js";
import type { MicroBatch } from "../../../engine/engine.js";
import { plainJpegModule } from "../../../engine/tensorflow-jpeg-decoder.js";
import { microBatchSize, RunSpec, samplesPerLane } from "../../../shared/spec.js";
import { openStore } from "../../../shared/store/open.js";
import { LaneBatches } from "../../../worker/batches.js";

const [storeUrl, specJson] = process.argv.slice(2) as [string, string];
const spec = RunSpec.parse(JSON.parse(specJson));
const thread = new Worker(new URL("./augmentation-thread.js", import.meta.url), { workerData: spec });

async function ask(message: { prepare: number } | { batch: MicroBatch }): Promise<void> {
  thread.postMessage(message);
  await once(thread, "message");
}

const store = await openStore(storeUrl);
const decoder = new DecodePool({ image: spec.image, ...plainJpegModule(spec.engine) });
const { manifest, training } = await openLoaders(store, spec, { decoder });
const { samples } = manifest.splits.train;
const steps = stepsPerEpoch(samples, spec.lanes, samplesPerLane(spec));
const batches = new LaneBatches(spec, manifest.splits.train, training, steps);
await ask({ prepare: microBatchSize(spec) });
if (samples % microBatchSize(spec) > 0) await ask({ prepare: samples % microBatchSize(spec) });

await decoder.decode([]); // its thread has started

const seconds: number[] = [];
let step = 0;
for (let epoch = 0; epoch < spec.epochs; epoch += 1) {
  const startMs = performance.now();
  for (let stepInEpoch = 0; stepInEpoch < steps; stepInEpoch += 1, step += 1) {
    const place = { step, epoch, stepInEpoch, excluded: new Set<number>() };
    batches.prefetch(place, [0]);
    const calls = await batches.of({ ...place, lane: 0 });
    for (const batch of calls) await ask({ batch });
  }
  seconds.push((performance.now() - startMs) / 1000);
}
process.stdout.write(`${JSON.stringify({ seconds })}\n`);
process.exit(0);
