/**
 * Access to tfjs' own layer classes, so that ours can extend them. tfjs exports them only through factory functions, but
 * registers them for deserialisation under their class names.
 */
import type { layers, serialization, Tensor } from "@tensorflow/tfjs-node-gpu";
import { invariant } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import type { CallArguments } from "./training-context.js";

/** A layer's configuration, in tfjs' spelling. */
export type LayerSettings = serialization.ConfigDict;

/** A layer class, with the types that a class needs to override `call`. */
export type LayerClass = (new (
  settings: LayerSettings,
) => layers.Layer & { call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] }) & {
  className: string;
  fromConfig: serialization.FromConfigMethod<serialization.Serializable>;
};

/** The class that tfjs has registered under a class name. */
export function registeredLayer(tf: TensorFlow, className: string): LayerClass {
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[className];
  invariant(entry !== undefined, `tfjs registers the layer ${className}`);
  return entry[0] as unknown as LayerClass;
}

/** Registers a class for model JSON of its class name, in place of the former one. */
export function replaceLayer(tf: TensorFlow, replacement: LayerClass): void {
  tf.serialization.registerClass(replacement);
}

/** The tensor of a layer that has one input. */
export function onlyTensor(inputs: Tensor | Tensor[]): Tensor {
  const tensor = Array.isArray(inputs) ? inputs[0] : inputs;
  invariant(tensor !== undefined, "the layer has one input");
  return tensor;
}
