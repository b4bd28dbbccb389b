/**
 * A trained model in a form that Keras 2, Keras 3 and tfjs all accept: layers with their weights by name, for raw pixels
 * of 0 to 255. keras-h5.ts and tfjs-layers-model.ts write the files. Needs no TensorFlow.
 */
import { TrainyardError } from "../../shared/errors.js";
import type { ModelLayout } from "../../shared/layout.js";
import type {
  FunctionalTopology,
  LayerConfig,
  LayerTopology,
  ModelTopology,
} from "../models/model-topology.js";

/** A weight of a layer. */
export interface PortableWeight {
  /** The name within the layer, such as `kernel` or `moving_mean`. */
  readonly name: string;
  readonly shape: readonly number[];
  /** The values (float32), as a view of the model's flat vectors. */
  readonly values: Float32Array;
}

/** A layer with its weights. */
export interface PortableLayer extends LayerTopology {
  /** The trainable weights, then the others, as in Keras' HDF5 files. */
  readonly weights: readonly PortableWeight[];
}

/** The model as it is exported. */
export interface PortableModel {
  readonly name: string;
  readonly kind: ModelTopology["class_name"];
  /** An input layer with a free batch size, the pixel scaling, then the model's own layers. */
  readonly layers: readonly PortableLayer[];
}

/** A topology with trained weights. */
export interface TrainedModel {
  readonly topology: ModelTopology;
  readonly layout: ModelLayout;
  /** The trainable weights, float32 [parameterCount]. */
  readonly parameters: Float32Array;
  /** The batch norms' published statistics, float32 [statisticsCount] (docs/design/mathematics-of-a-lane.md). */
  readonly statistics: Float32Array;
}

/** Converts a trained model. Throws MODEL when weights and layout don't fit, or the topology has no input shape. */
export function portableModel(model: TrainedModel): PortableModel {
  checkSizes(model);
  const { class_name: kind, config } = model.topology;
  const { name, layers } = config;
  const [first, ...rest] = layers;
  const shape = first?.config["batch_input_shape"];
  if (first === undefined || !Array.isArray(shape))
    throw new TrainyardError("MODEL", `the model ${name} has no input shape`);
  const scaled = (name: string) => (name === first.config.name ? scalingLayer.config.name : name);
  const own =
    kind === "Sequential"
      ? [scalingLayer, withoutInputShape(first), ...rest]
      : [takingPixels(scalingLayer), ...rest.map((layer) => takingFrom(layer, scaled))];
  const withWeights = own.map((layer) => ({ ...layer, weights: weightsOf(layer, model) }));
  return { name, kind, layers: withPortableNames([inputLayer(shape), ...withWeights]) };
}

/** The layer with the names of its inputs replaced, if it names any. */
const takingFrom = <Layer extends LayerTopology>(layer: Layer, renamed: (name: string) => string): Layer =>
  layer.inbound_nodes === undefined
    ? layer
    : {
        ...layer,
        inbound_nodes: layer.inbound_nodes.map((inputs) =>
          inputs.map(([name, ...rest]) => [renamed(name), ...rest] as const),
        ),
      };

const takingPixels = (layer: LayerTopology): LayerTopology => ({
  ...layer,
  inbound_nodes: [[["pixels", 0, 0, {}]]],
});

function checkSizes({ layout, parameters, statistics }: TrainedModel): void {
  if (parameters.length === layout.parameterCount && statistics.length === layout.statisticsCount) return;
  const given = `${parameters.length} parameters and ${statistics.length} statistics`;
  const message = `the model has ${layout.parameterCount} parameters and ${layout.statisticsCount} statistics, but was given ${given}`;
  throw new TrainyardError("MODEL", message);
}

const inputLayer = (shape: LayerConfig[string]): PortableLayer => ({
  class_name: "InputLayer",
  config: { name: "pixels", batch_input_shape: shape as number[], dtype: "float32", sparse: false },
  weights: [],
});

/** Pixels to 0..1 as in training (engine/preprocessing.ts): `model.predict(img_to_array(img))` is right as it is. */
const scalingLayer: LayerTopology = {
  class_name: "Rescaling",
  config: { name: "rescaling", trainable: true, dtype: "float32", scale: 1 / 255, offset: 0 },
};

function withoutInputShape({ class_name, config }: LayerTopology): LayerTopology {
  const { batch_input_shape: _, ...rest } = config;
  return { class_name, config: rest as LayerConfig };
}

function weightsOf({ config }: LayerTopology, model: TrainedModel): PortableWeight[] {
  const { layout, parameters, statistics } = model;
  const trainable = layout.parameters
    .filter((slot) => slot.name.slice(0, slot.name.lastIndexOf("/")) === config.name)
    .map(({ name, shape, offset, size }) => ({
      name: name.slice(name.lastIndexOf("/") + 1),
      shape,
      values: parameters.subarray(offset, offset + size),
    }));
  const moving = layout.batchNorms
    .filter(({ layer }) => layer === config.name)
    .flatMap(({ channels, offset }) =>
      ["moving_mean", "moving_variance"].map((name, index) => ({
        name,
        shape: [channels],
        values: statistics.subarray(offset + index * channels, offset + (index + 1) * channels),
      })),
    );
  return [...trainable, ...moving];
}

/**
 * Keras 3 refuses names with "/", which Keras 2 and tfjs use for scopes: `block1/conv` becomes `block1_conv`, and
 * `block1_conv_1` where that name is taken. Names depend on this model alone, never on what else was built.
 */
function withPortableNames(layers: readonly PortableLayer[]): PortableLayer[] {
  const portable = portableNames(layers.map(({ config }) => config.name));
  const renamed = (name: string) => portable.get(name) ?? name;
  return layers.map((layer) => ({
    ...takingFrom(layer, renamed),
    config: { ...layer.config, name: renamed(layer.config.name) },
  }));
}

/** The new name of each layer that needs one. */
function portableNames(names: readonly string[]): Map<string, string> {
  const taken = new Set<string>(names.filter((name) => !name.includes("/")));
  const portable = new Map<string, string>();
  for (const former of names.filter((name) => name.includes("/"))) {
    const wanted = former.replaceAll("/", "_");
    let name = wanted;
    for (let number = 1; taken.has(name); number += 1) name = `${wanted}_${number}`;
    taken.add(name);
    portable.set(former, name);
  }
  return portable;
}

/** The model's configuration in Keras' JSON. */
export function kerasConfig({ name, kind, layers }: PortableModel): ModelTopology {
  if (kind === "Sequential") {
    return {
      class_name: kind,
      config: { name, layers: layers.map(({ class_name, config }) => ({ class_name, config })) },
    };
  }
  return { class_name: kind, config: functionalConfig(name, layers) };
}

function functionalConfig(name: string, layers: readonly PortableLayer[]): FunctionalTopology["config"] {
  const end = (layer: PortableLayer | undefined) => [layer?.config.name ?? "", 0, 0] as const;
  return {
    name,
    layers: layers.map(({ class_name, config, inbound_nodes = [] }) => ({
      class_name,
      config,
      name: config.name,
      inbound_nodes,
    })),
    input_layers: [end(layers[0])],
    output_layers: [end(layers.at(-1))],
  };
}
