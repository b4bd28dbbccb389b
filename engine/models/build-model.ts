/** Builds a tf.LayersModel from a topology, synchronously and with the layers of engine/layers. */
import type { LayersModel, serialization } from "@tensorflow/tfjs-node-gpu";
import { registerLayers } from "../layers/register-layers.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import type { ModelTopology } from "./model-topology.js";

/** Builds the model; the caller disposes it. Throws what tfjs throws for layers that don't fit together. */
export function buildTopology(tf: TensorFlow, topology: ModelTopology): LayersModel {
  registerLayers(tf);
  const config = camelCased(topology.config) as serialization.ConfigDict;
  // Fast weight initialisation: zeros in place of random numbers, which would be replaced anyway.
  const ModelClass = topology.class_name === "Sequential" ? tf.Sequential : tf.LayersModel;
  return ModelClass.fromConfig<LayersModel>(ModelClass as never, config, {}, true);
}

/** Keys whose strings are names of layers. */
const references: ReadonlySet<string> = new Set(["inbound_nodes", "input_layers", "output_layers"]);

/** Rewrites Keras' JSON in tfjs' spelling: keys and enumeration values in camel case, names unchanged. */
function camelCased(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => camelCased(item, key));
  if (typeof value === "string") return key === "name" || references.has(key) ? value : camelCase(value);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [camelCase(name), camelCased(item, name)]),
  );
}

const camelCase = (text: string) => text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
