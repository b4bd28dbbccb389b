/**
 * Builds a tf.LayersModel from a topology, synchronously and with the layers of engine/layers.
 * The caller owns the model and disposes it.
 */
import type { LayersModel, serialization } from "@tensorflow/tfjs-node-gpu";
import { installLayers } from "../layers/register-layers.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import type { ModelTopology } from "./model-topology.js";

/** Throws what tfjs throws for layers that don't fit together. */
export function buildTopology(tf: TensorFlow, topology: ModelTopology): LayersModel {
  installLayers(tf);
  const config = camelCased(topology.config) as serialization.ConfigDict;
  // Fast weight initialisation: zeros, where tfjs would draw random numbers that nobody uses.
  const ModelClass = topology.class_name === "Sequential" ? tf.Sequential : tf.LayersModel;
  return ModelClass.fromConfig<LayersModel>(ModelClass as never, config, {}, true);
}

/** Where strings are layers' names. */
const references: ReadonlySet<string> = new Set(["inbound_nodes", "input_layers", "output_layers"]);

/** Keras' JSON in tfjs' spelling: keys and enumeration values in camel case, names as they are. */
function camelCased(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => camelCased(item, key));
  if (typeof value === "string") return key === "name" || references.has(key) ? value : camelCase(value);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [camelCase(name), camelCased(item, name)]),
  );
}

const camelCase = (text: string) => text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
