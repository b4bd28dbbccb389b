/** A worker's place of work without TensorFlow: the simulated engine and data set, and the real batches. */
import { stepsPerEpoch } from "../../dataset/sample-order.js";
import { type PublishOptions, publishExport } from "../../engine/export/publish-export.js";
import { readCheckpointModel } from "../../shared/checkpoint.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { drawStream } from "../../shared/random.js";
import { type RunSpec, samplesPerLane } from "../../shared/spec.js";
import { LaneBatches } from "../../worker/batches.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { simLoader } from "./dataset.js";
import { layoutOf, SimEngine, SimEngineClient } from "./engine.js";
import type { SimProcess } from "./process.js";
import { simulatedDraws } from "./setup.js";
import type { SimStore } from "./store.js";
import type { WorkerSlot } from "./workers.js";
import type { World } from "./world.js";

export async function prepareSimRun(
  world: World,
  slot: WorkerSlot,
  process: SimProcess,
  store: SimStore,
  spec: RunSpec,
): Promise<PreparedRun> {
  const { manifest, setup } = world;
  await store.get("datasets/simulated/manifest.json");
  const layout = layoutOf(setup.dataset.training, setup.filling);
  const engine = new SimEngine(layout, setup.dataset.training);
  slot.engine = engine;
  const client = new SimEngineClient(process, engine, spec, slot.speed);
  await client.call("prepare", { gradients: [], evaluate: [] });
  const random = drawStream(simulatedDraws, setup.seed, 104, slot.number);
  const isUnreadable = (sample: number) =>
    [...world.unreadable].some(
      ({ worker, every }) => (worker === null || worker === slot.number) && sample % every === 0,
    );
  const reading = { batchMs: () => random.nextBetween(1, 10), isUnreadable };
  const { train, validation } = manifest.splits;
  const training = simLoader(process, store, train, reading);
  const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
  return {
    spec,
    store,
    manifest,
    layout,
    engine: client,
    batches: new LaneBatches(spec, train, training, steps),
    training,
    validation: simLoader(process, store, validation, reading),
    publish: async (checkpoint, generation, onFile) => {
      await process.clock.sleep(world.exportMs);
      return await publishModel(store, spec, checkpoint, { generation, onFile });
    },
    close: async () => undefined,
  };
}

/** The export without files that only a real model has: the weights, and the mark that it is whole. */
async function publishModel(
  store: SimStore,
  spec: RunSpec,
  checkpoint: string,
  options: PublishOptions,
): Promise<string[]> {
  const model = await readCheckpointModel(store, spec.run, checkpoint);
  const contentType = "application/octet-stream";
  const files = [
    { path: "export/weights.bin", bytes: Uint8Array.from(bytesOf(model.weights)), contentType },
    { path: "export/labels.json", bytes: Buffer.from(JSON.stringify(spec.classes)), contentType },
  ];
  return await publishExport(store, spec.run, files, options);
}
