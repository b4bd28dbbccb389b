/**
 * How tfjs' own layer classes are reached, so that ours can extend them: they are registered for
 * deserialisation under their class names, and exported only through factory functions.
 */
import type { layers, serialization, Tensor } from "@tensorflow/tfjs-node-gpu";
import { invariant } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import type { CallArguments } from "./training-context.js";

export type LayerSettings = serialization.ConfigDict;

/** A layer class as `call` overriders see it. */
export type LayerClass = (new (
  settings: LayerSettings,
) => layers.Layer & { call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] }) & {
  className: string;
  fromConfig: serialization.FromConfigMethod<serialization.Serializable>;
};

export function registeredLayer(tf: TensorFlow, className: string): LayerClass {
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[className];
  invariant(entry !== undefined, `tfjs registers the layer ${className}`);
  return entry[0] as unknown as LayerClass;
}

/** Replaces the class that JSON of this class name becomes. */
export function replaceLayer(tf: TensorFlow, replacement: LayerClass): void {
  tf.serialization.registerClass(replacement);
}

export function onlyTensor(inputs: Tensor | Tensor[]): Tensor {
  const tensor = Array.isArray(inputs) ? inputs[0] : inputs;
  invariant(tensor !== undefined, "the layer has one input");
  return tensor;
}
