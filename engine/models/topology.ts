/**
 * Model topologies as Keras writes them: plain JSON that needs no TensorFlow. Layers carry explicit names
 * that don't depend on what else was built in the process. Pixel scaling is not in it: the engine scales
 * before the model, exports put a Rescaling layer in front.
 */
import { TrainyardError } from "../../shared/errors.js";
import type { EngineSpec } from "../engine.js";
import { classicLayers } from "./classic.js";
import { digitsLayers } from "./digits.js";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type LayerConfig = { readonly name: string } & { readonly [key: string]: Json };

export interface LayerTopology {
  readonly class_name: string;
  readonly config: LayerConfig;
}

export interface SequentialTopology {
  readonly class_name: "Sequential";
  readonly config: { readonly name: string; readonly layers: readonly LayerTopology[] };
}

/** Of the spec that a topology depends on. */
export type TopologySpec = Pick<EngineSpec, "classes" | "image" | "model">;

/** Two classes share one sigmoid unit (the probability of the second); more have one softmax unit each. */
export const outputUnits = (classes: readonly string[]) => (classes.length === 2 ? 1 : classes.length);

/** Throws MODEL for pictures that the model would pool away. */
export function modelTopology(spec: TopologySpec): SequentialTopology {
  const { layers, poolings } = spec.model.name === "classic" ? classicLayers(spec) : digitsLayers(spec);
  refuseSmallImages(spec, poolings);
  const { height, width, channels } = spec.image;
  const [first, ...rest] = layers;
  const withInput = first && {
    ...first,
    config: { ...first.config, batch_input_shape: [null, height, width, channels] },
  };
  return {
    class_name: "Sequential",
    config: { name: spec.model.name, layers: withInput ? [withInput, ...rest] : [] },
  };
}

/** Every max-pool halves; a side that reaches zero leaves nothing to classify. */
function refuseSmallImages({ image, model }: TopologySpec, poolings: number): void {
  const smallest = 2 ** poolings;
  if (Math.min(image.height, image.width) >= smallest) return;
  throw new TrainyardError(
    "MODEL",
    `the model ${model.name} halves pictures ${poolings} times and needs at least ${smallest}x${smallest} pixels, not ${image.height}x${image.width}; use --image-size ${smallest} or more`,
  );
}

/** The same layers, ending in logits instead of probabilities: what a stable loss needs. */
export function withLogits(topology: SequentialTopology): SequentialTopology {
  const layers = topology.config.layers.map((layer, index, all) =>
    index === all.length - 1 ? { ...layer, config: { ...layer.config, activation: "linear" } } : layer,
  );
  return { ...topology, config: { ...topology.config, layers } };
}
