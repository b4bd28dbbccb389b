/** Everything that a finished run exports, as bytes. Pure: the same model gives the same files' contents. */
import type { ModelLayout } from "../../shared/layout.js";
import type { EngineSpec } from "../engine.js";
import { modelTopology } from "../models/model-topology.js";
import { type ExportFile, exportPaths, jsonFile } from "./export-file.js";
import { kerasH5 } from "./keras-h5.js";
import { labelsOf } from "./labels-json.js";
import { portableModel } from "./portable-model.js";
import { tfjsFiles } from "./tfjs-layers-model.js";

export interface ExportInput {
  readonly spec: Pick<EngineSpec, "classes" | "image" | "model"> & { readonly run?: string };
  readonly layout: ModelLayout;
  /** float32 [parameterCount]. */
  readonly parameters: Float32Array;
  /** float32 [statisticsCount], as published (DESIGN 5.5). */
  readonly statistics: Float32Array;
}

/**
 * Weights before the JSON that names them; labels.json, which says that the export is whole, last.
 * Throws MODEL when weights and layout don't fit.
 */
export async function exportFiles(input: ExportInput): Promise<ExportFile[]> {
  const { spec, ...trained } = input;
  const model = portableModel({ topology: modelTopology(spec), ...trained });
  const tfjs = tfjsFiles(model);
  return [
    {
      path: exportPaths.kerasH5,
      bytes: await kerasH5(model),
      contentType: "application/x-hdf5",
      isTimed: true,
    },
    ...tfjs,
    jsonFile(exportPaths.labels, labelsOf(spec, tfjs)),
  ];
}
