/**
 * Model topologies as Keras writes them: plain JSON that needs no TensorFlow. Layers carry explicit names
 * that don't depend on what else was built in the process. Pixel scaling is not in it: the engine scales
 * before the model, exports put a Rescaling layer in front.
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

export interface SequentialTopology {
  readonly class_name: "Sequential";
  readonly config: { readonly name: string; readonly layers: readonly LayerTopology[] };
}

export type ModelTopology = SequentialTopology | FunctionalTopology;

/** Throws MODEL for images that the model would pool away. */
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

/** Every max-pool and every stride of two halves; a side that reaches zero leaves nothing to classify. */
function refuseSmallImages({ image, model }: TopologySpec, poolings: number): void {
  const smallest = 2 ** poolings;
  if (Math.min(image.height, image.width) >= smallest) return;
  throw new TrainyardError(
    "MODEL",
    `the model ${model.name} halves images ${poolings} times and needs at least ${smallest}x${smallest} pixels, not ${image.height}x${image.width}; use --image-size ${smallest} or more`,
  );
}

/** The same layers, ending in logits instead of probabilities: what a stable loss needs. */
export function withLogits<Topology extends ModelTopology>(topology: Topology): Topology {
  const layers = topology.config.layers.map((layer, index, all) =>
    index === all.length - 1 ? { ...layer, config: { ...layer.config, activation: "linear" } } : layer,
  );
  return { ...topology, config: { ...topology.config, layers } };
}
