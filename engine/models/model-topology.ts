/**
 * The topologies of the named models, as Keras' JSON; needs no TensorFlow. Layers have explicit names, which don't depend
 * on other models in the process. Pixel scaling is not part of a topology: the engine scales pixels before the model
 * (preprocessing.ts), and exports get a Rescaling layer in front.
 */
import { assertNever, TrainyardError } from "../../shared/errors.js";
import { classicLayers } from "./classic.js";
import { digitsLayers } from "./digits.js";
import type { FunctionalTopology } from "./functional-topology.js";
import type { ModelLayers } from "./layer-configs.js";
import type { LayerTopology, TopologySpec } from "./layer-topology.js";
import { mobileNetV2 } from "./mobilenet-v2.js";
import { resNet18 } from "./resnet-18.js";

export type { FunctionalTopology } from "./functional-topology.js";

export { type LayerConfig, type LayerTopology, outputUnits, type TopologySpec } from "./layer-topology.js";

/** A Sequential model in Keras' JSON. */
export interface SequentialTopology {
  readonly class_name: "Sequential";
  readonly config: { readonly name: string; readonly layers: readonly LayerTopology[] };
}

/** A model in Keras' JSON. */
export type ModelTopology = SequentialTopology | FunctionalTopology;

/** The topology of the spec's model. Throws MODEL for images so small that pooling would leave no pixel. */
export function modelTopology(spec: TopologySpec): ModelTopology {
  switch (spec.model.name) {
    case "classic":
      return sequential(spec, classicLayers(spec));
    case "digits":
      return sequential(spec, digitsLayers(spec));
    case "mobilenet-v2":
      refuseSmallImages(spec, 5);
      return mobileNetV2(spec);
    case "resnet-18":
      refuseSmallImages(spec, 5);
      return resNet18(spec);
    default:
      return assertNever(spec.model.name);
  }
}

function sequential(spec: TopologySpec, { layers, poolings }: ModelLayers): SequentialTopology {
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

/** Refuses images with a side that reaches zero: every max-pool and every stride of two halves it. */
function refuseSmallImages({ image, model }: TopologySpec, poolings: number): void {
  const smallest = 2 ** poolings;
  if (Math.min(image.height, image.width) >= smallest) return;
  throw new TrainyardError(
    "MODEL",
    `the model ${model.name} halves images ${poolings} times and needs at least ${smallest}x${smallest} pixels, not ${image.height}x${image.width}; use --image-size ${smallest} or more`,
  );
}

/** The same model, but its output is logits instead of probabilities, as the loss needs it for numerical stability. */
export function withLogits<Topology extends ModelTopology>(topology: Topology): Topology {
  const layers = topology.config.layers.map((layer, index, all) =>
    index === all.length - 1 ? { ...layer, config: { ...layer.config, activation: "linear" } } : layer,
  );
  return { ...topology, config: { ...topology.config, layers } };
}
