/** Exports a checkpoint of the store as the run's model files (Keras, TensorFlow.js, labels). */
import { exportFiles, publishExport } from "../engine/export/index.js";
import { readCheckpointModel } from "../shared/checkpoint.js";
import type { RunSpec } from "../shared/spec.js";
import { publishStatistics } from "../shared/statistics.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** Returns the store keys of all exported files. Exporting the same checkpoint again changes none of them. */
export async function exportCheckpoint(
  store: ObjectStore,
  spec: RunSpec,
  checkpoint: string,
  generation: number,
): Promise<string[]> {
  const model = await readCheckpointModel(store, spec.run, checkpoint);
  const files = await exportFiles({
    spec,
    layout: model.layout,
    parameters: model.weights,
    statistics: publishStatistics(model.layout, model.statistics),
  });
  return await publishExport(store, spec.run, files, { generation });
}
