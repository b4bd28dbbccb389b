/** The export assignment: a checkpoint from the store becomes the files that leave the run. */
import { exportFiles, publishExport } from "../engine/export/index.js";
import { readCheckpointModel } from "../shared/checkpoint.js";
import type { RunSpec } from "../shared/spec.js";
import { publishStatistics } from "../shared/statistics.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** Returns the keys of what the run's export holds. Repeating it changes nothing that is there. */
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
