/**
 * One layer of a topology as Keras writes it, and the part of a spec that decides a model's layers.
 */
import type { EngineSpec } from "../engine.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type LayerConfig = { readonly name: string } & { readonly [key: string]: Json };

export interface LayerTopology {
  readonly class_name: string;
  readonly config: LayerConfig;
}

/** Of the spec that a topology depends on. */
export type TopologySpec = Pick<EngineSpec, "classes" | "image" | "model">;

/** Two classes share one sigmoid unit (the probability of the second); more have one softmax unit each. */
export const outputUnits = (classes: readonly string[]) => (classes.length === 2 ? 1 : classes.length);
