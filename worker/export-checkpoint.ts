/** Exports a checkpoint of the store as the run's model files (Keras, TensorFlow.js, labels). */
import { exportFiles, type PublishOptions, publishExport } from "../engine/export/index.js";
import { readCheckpointModel } from "../shared/checkpoint.js";
import { type RunSpec, runKey } from "../shared/spec.js";
import { publishStatistics } from "../shared/statistics.js";
import { sha256Hex } from "../shared/store/hashed.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** Returns the store keys of all exported files. Exporting the same checkpoint again changes none of them. */
export async function exportCheckpoint(
  store: ObjectStore,
  spec: RunSpec,
  checkpoint: string,
  options: PublishOptions,
): Promise<string[]> {
  const model = await readCheckpointModel(store, spec.run, checkpoint);
  const stored = await store.get(runKey(spec.run, "spec.json"));
  const files = await exportFiles({
    spec,
    owner: { run: spec.run, specSha256: sha256Hex(stored) },
    layout: model.layout,
    parameters: model.weights,
    statistics: publishStatistics(model.layout, model.statistics),
  });
  return await publishExport(store, spec.run, files, options);
}
