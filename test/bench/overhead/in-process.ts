/**
 * What one process does without a coordinator: the engine calls of each lane, their sum, the optimizer, and the weights into the
 * engine again. The pictures of the run's first steps are read and augmented beforehand, so loading costs it nothing.
 *   node in-process.js STORE RUN STEPS: told a number of steps it answers with their milliseconds, and the CPU's
 */

import { applyOptimizerStep, momentVectorsOf } from "../../../coordinator/optimizers/registry.js";
import { openLoaders } from "../../../dataset/image-loader.js";
import { stepsPerEpoch } from "../../../dataset/sample-order.js";
import type { MicroBatch } from "../../../engine/engine.js";
import { loadTensorFlow } from "../../../engine/native/load-tensorflow.js";
import { createEngine } from "../../../engine/tensorflow-engine.js";
import { SimdVectors } from "../../../shared/kernels/simd.js";
import { newestDraws } from "../../../shared/random.js";
import { RunSpec, runKey, samplesPerLane } from "../../../shared/spec.js";
import { openStore } from "../../../shared/store/open.js";
import { LaneBatches } from "../../../worker/batches.js";
import { computeLane } from "../../../worker/lane.js";
import { firstStep } from "../../support/optimizers.js";

const [address = "", run = "", count = "1"] = process.argv.slice(2);
const store = await openStore(address);
const spec = RunSpec.parse(JSON.parse(Buffer.from(await store.get(runKey(run, "spec.json"))).toString()));
const { manifest, training } = await openLoaders(store, spec, {});
const { train } = manifest.splits;
const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
const batches = new LaneBatches(spec, train, training, steps);

/** Lanes of a full step, each with its engine calls. */
async function stepAt(step: number): Promise<MicroBatch[][]> {
  const at = { step, epoch: 0, stepInEpoch: step, excluded: new Set<number>() };
  return Promise.all(Array.from({ length: spec.lanes }, (_, lane) => batches.of({ ...at, lane })));
}

const ready: MicroBatch[][][] = [];
for (let step = 0; step < Math.min(Number(count), steps - 1); step += 1) ready.push(await stepAt(step));

const engine = createEngine(loadTensorFlow(spec.engine), spec);
const { parameterCount, statisticsCount } = engine.layout;
const vectors = new SimdVectors(parameterCount);
const vector = () => vectors.allocate().fill(0);
const [weights, sum, lane] = [vector(), vector(), vector()];
const moments = momentVectorsOf(spec.optimizer).map(vector);
const update = firstStep(spec.optimizer, spec.batchSize);
const statistics = new Float32Array(statisticsCount);
weights.set(engine.initialise(spec.seed, newestDraws));
engine.setWeights(weights, statistics);

function takeStep(lanes: readonly MicroBatch[][]): void {
  for (const [at, calls] of lanes.entries()) {
    const { gradient } = computeLane(engine, calls);
    (at === 0 ? sum : lane).set(gradient);
    if (at > 0) vectors.kernels.add(sum, lane);
  }
  applyOptimizerStep(vectors.kernels, { weights, moments }, sum, update);
  engine.setWeights(weights, statistics);
}

let taken = 0;
function timeOne(): number {
  const startMs = performance.now();
  takeStep(ready[taken % ready.length] ?? []);
  taken += 1;
  return performance.now() - startMs;
}

for (let warmUp = 0; warmUp < 5; warmUp += 1) timeOne();
process.on("message", (wanted: number) => {
  const before = process.cpuUsage();
  const stepMs = Array.from({ length: wanted }, timeOne);
  const { user, system } = process.cpuUsage(before);
  process.send?.({ stepMs, cpuMs: (user + system) / 1000 / wanted });
});
process.send?.({ parameterCount });
