/**
 * Builds a tf.LayersModel from a topology, synchronously and with the layers of engine/layers.
 * The caller owns the model and disposes it.
 */
import type { LayersModel, serialization } from "@tensorflow/tfjs-node-gpu";
import { installLayers } from "../layers/install.js";
import type { TensorFlow } from "../native/load.js";
import type { SequentialTopology } from "./topology.js";

/** Throws what tfjs throws for layers that don't fit together. */
export function buildTopology(tf: TensorFlow, topology: SequentialTopology): LayersModel {
  installLayers(tf);
  const config = camelCased(topology.config) as serialization.ConfigDict;
  // Fast weight initialisation: zeros, where tfjs would draw random numbers that nobody uses.
  return tf.Sequential.fromConfig(tf.Sequential, config, {}, true) as LayersModel;
}

/** Keras' JSON in tfjs' spelling: keys and enumeration values in camel case, names as they are. */
function camelCased(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => camelCased(item, key));
  if (typeof value === "string") return key === "name" ? value : camelCase(value);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [camelCase(name), camelCased(item, name)]),
  );
}

const camelCase = (text: string) => text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
