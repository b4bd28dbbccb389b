/**
 * One layer of a topology as Keras writes it, and the part of a spec that decides a model's layers.
 */
import type { EngineSpec } from "../engine.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type LayerConfig = { readonly name: string } & { readonly [key: string]: Json };

/** Where a layer's input comes from: the layer, which of its calls, which of its outputs, keyword arguments. */
type InboundTensor = readonly [
  layer: string,
  node: number,
  tensor: number,
  keywords: Readonly<Record<string, never>>,
];

export interface LayerTopology {
  readonly class_name: string;
  readonly config: LayerConfig;
  /** Of a functional model's layers; the name is that of the config. */
  readonly name?: string;
  /** Of a functional model's layers: one list of inputs for the one call; none for the input layer. */
  readonly inbound_nodes?: readonly (readonly InboundTensor[])[];
}

/** Of the spec that a topology depends on. */
export type TopologySpec = Pick<EngineSpec, "classes" | "image" | "model">;

/** Two classes share one sigmoid unit (the probability of the second); more have one softmax unit each. */
export const outputUnits = (classes: readonly string[]) => (classes.length === 2 ? 1 : classes.length);

export const outputActivation = (classes: readonly string[]) =>
  classes.length === 2 ? "sigmoid" : "softmax";
