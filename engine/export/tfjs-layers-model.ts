/**
 * Writes a model as a tfjs LayersModel: files of weights, and `model.json`, which `tf.loadLayersModel` opens in a browser
 * and in Node. Format: tfjs-core io/types.ts, ModelJSON.
 */
import { programVersion } from "../../shared/version.js";
import { type ExportFile, exportPaths, jsonFile } from "./export-file.js";
import { kerasConfig, type PortableModel } from "./portable-model.js";

/** Size of a file of weights, as in tfjs' own converter: browsers cache files of this size. */
const shardBytes = 4 * 1024 * 1024;

/** The files of the model: the weights first, `model.json` last. */
export function tfjsFiles(model: PortableModel): ExportFile[] {
  const shards = shardsOf(weightBytes(model));
  const names = shards.map((_, index) => `group1-shard${index + 1}of${shards.length}.bin`);
  const folder = exportPaths.tfjsModel.slice(0, exportPaths.tfjsModel.lastIndexOf("/"));
  const files = shards.map((bytes, index) => ({
    path: `${folder}/${names[index]}`,
    bytes,
    contentType: "application/octet-stream",
  }));
  return [...files, jsonFile(exportPaths.tfjsModel, modelJson(model, names))];
}

function modelJson(model: PortableModel, paths: readonly string[]) {
  const weights = model.layers.flatMap(({ config, weights }) =>
    weights.map(({ name, shape }) => ({ name: `${config.name}/${name}`, shape, dtype: "float32" })),
  );
  return {
    format: "layers-model",
    generatedBy: `trainyard ${programVersion()}`,
    convertedBy: null,
    modelTopology: { keras_version: "2.15.0", backend: "tensorflow", model_config: kerasConfig(model) },
    weightsManifest: [{ paths, weights }],
  };
}

/** The values of all weights one after another, as float32 little-endian. */
function weightBytes({ layers }: PortableModel): Buffer {
  const weights = layers.flatMap((layer) => layer.weights);
  return Buffer.concat(
    weights.map(({ values }) => Buffer.from(values.buffer, values.byteOffset, values.byteLength)),
  );
}

function shardsOf(bytes: Buffer): Buffer[] {
  const count = Math.max(1, Math.ceil(bytes.length / shardBytes));
  return Array.from({ length: count }, (_, index) =>
    bytes.subarray(index * shardBytes, (index + 1) * shardBytes),
  );
}
