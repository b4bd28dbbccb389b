/** Builds all files that a finished run exports, in memory. The same model always gives the same bytes. */
import { TrainyardError } from "../../shared/errors.js";
import type { ModelLayout } from "../../shared/layout.js";
import type { EngineSpec } from "../engine.js";
import { modelTopology } from "../models/model-topology.js";
import { type ExportFile, exportPaths, jsonFile } from "./export-file.js";
import { kerasH5 } from "./keras-h5.js";
import { type ExportOwner, labelsOf } from "./labels-json.js";
import { portableModel } from "./portable-model.js";
import { tfjsFiles } from "./tfjs-layers-model.js";

/** The trained model that is exported. */
export interface ExportInput {
  readonly spec: Pick<EngineSpec, "classes" | "image" | "model">;
  /** The run that the model belongs to. Default: none. */
  readonly owner?: ExportOwner;
  readonly layout: ModelLayout;
  /** The trainable weights, float32 [parameterCount]. */
  readonly parameters: Float32Array;
  /** The batch norms' published statistics, float32 [statisticsCount] (docs/design/mathematics-of-a-lane.md). */
  readonly statistics: Float32Array;
}

/**
 * Builds the files in the order in which they are to be stored: weights before the JSON that names them, and last
 * labels.json, whose presence says that the export is complete.
 * Errors: MODEL when weights and layout don't fit, or when a weight or a statistic is not finite.
 */
export async function exportFiles(input: ExportInput): Promise<ExportFile[]> {
  checkFinite(input);
  const { spec, owner = null, ...trained } = input;
  const model = portableModel({ topology: modelTopology(spec), ...trained });
  const keras = {
    path: exportPaths.kerasH5,
    bytes: await kerasH5(model),
    contentType: "application/x-hdf5",
  };
  const files = [keras, ...tfjsFiles(model)];
  return [...files, jsonFile(exportPaths.labels, labelsOf(spec, owner, files))];
}

function checkFinite({ layout, parameters, statistics }: ExportInput): void {
  const spoilt = layout.parameters.find(({ offset, size }) =>
    parameters.subarray(offset, offset + size).some((value) => !Number.isFinite(value)),
  );
  const what = spoilt?.name ?? (statistics.every(Number.isFinite) ? null : "the batch-norm statistics");
  if (what === null) return;
  const sentence = `the model holds values in ${what} that are not finite: it predicts nothing and is not exported`;
  throw new TrainyardError("MODEL", sentence);
}
