/** The export assignment: a checkpoint from the store becomes the files that leave the run. */
import { exportFiles, publishExport } from "../engine/export/index.js";
import { readCheckpointModel } from "../shared/checkpoint.js";
import { publishStatistics } from "../shared/statistics.js";
import type { Workplace } from "./workplace.js";

/** Returns the keys of what the run's export holds. Repeating it changes nothing that is there. */
export async function publishCheckpoint(place: Workplace, checkpoint: string): Promise<string[]> {
  const { store, spec } = place;
  const model = await readCheckpointModel(store, spec.run, checkpoint);
  const files = await exportFiles({
    spec,
    layout: model.layout,
    parameters: model.weights,
    statistics: publishStatistics(model.layout, model.statistics),
  });
  return await publishExport(store, spec.run, files);
}
