/** Types for one layer of a model in Keras' JSON, and the part of a spec that decides a model's layers. */
import type { EngineSpec } from "../engine.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
/** A layer's configuration, in Keras' spelling. */
export type LayerConfig = { readonly name: string } & { readonly [key: string]: Json };

/** Where an input of a layer comes from: the layer, which of its calls, which of its outputs, keyword arguments. */
type InboundTensor = readonly [
  layer: string,
  node: number,
  tensor: number,
  keywords: Readonly<Record<string, never>>,
];

/** A layer in Keras' JSON. */
export interface LayerTopology {
  readonly class_name: string;
  readonly config: LayerConfig;
  /** The layer's name, as in `config`. Only layers of functional models have it. */
  readonly name?: string;
  /** The inputs of the layer's only call; empty for the input layer. Only layers of functional models have it. */
  readonly inbound_nodes?: readonly (readonly InboundTensor[])[];
}

/** The part of a spec that decides a model's topology. */
export type TopologySpec = Pick<EngineSpec, "classes" | "image" | "model">;

/** The number of output units: one sigmoid unit for two classes (the probability of the second), else one for each class. */
export const outputUnits = (classes: readonly string[]) => (classes.length === 2 ? 1 : classes.length);

/** The activation of the output: sigmoid for two classes, else softmax. */
export const outputActivation = (classes: readonly string[]) =>
  classes.length === 2 ? "sigmoid" : "softmax";
