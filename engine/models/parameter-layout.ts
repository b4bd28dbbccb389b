/**
 * The layout of a model's flat vectors: the trainable weights in the order of the layers, and the statistics of the batch
 * norms (mean, then variance, for each layer). Names come from the layers, never from tfjs' unique names.
 */
import type { LayersModel, layers } from "@tensorflow/tfjs-node-gpu";
import { TrainyardError } from "../../shared/errors.js";
import type { BatchNormSlot, ModelLayout, TensorSlot } from "../../shared/layout.js";

type Layer = layers.Layer;
type Weight = Layer["weights"][number];

/** The name of a weight: `layer/weight`. */
export const weightName = (layer: Layer, weight: Weight) =>
  `${layer.name}/${weight.originalName.split("/").at(-1)}`;

/** Whether a parameter is a kernel (and not a bias, gamma or beta). */
export const isKernel = (slot: TensorSlot) => slot.name.endsWith("kernel");

/** The batch norms of a model, in order. */
export const batchNormsOf = (model: LayersModel): Layer[] =>
  model.layers.filter((layer) => layer.getClassName() === "BatchNormalization");

/** The layout of a model's flat vectors. Throws MODEL for a batch norm whose shape is not fixed. */
export function layoutOf(model: LayersModel): ModelLayout {
  const parameters = parameterSlots(model);
  const batchNorms = batchNormSlots(model);
  return {
    parameters,
    parameterCount: parameters.reduce((sum, slot) => sum + slot.size, 0),
    batchNorms,
    statisticsCount: batchNorms.reduce((sum, slot) => sum + 2 * slot.channels, 0),
  };
}

function parameterSlots(model: LayersModel): TensorSlot[] {
  let offset = 0;
  return model.layers.flatMap((layer) =>
    layer.trainableWeights.map((weight) => {
      const shape = weight.shape.map((size) => size ?? 1);
      const size = shape.reduce((product, side) => product * side, 1);
      const slot = { name: weightName(layer, weight), shape, offset, size };
      offset += size;
      return slot;
    }),
  );
}

function batchNormSlots(model: LayersModel): BatchNormSlot[] {
  let offset = 0;
  return batchNormsOf(model).map((layer) => {
    const { channels, elementsPerSample } = normalisedShape(layer);
    const slot = {
      layer: layer.name,
      channels,
      momentum: Number(layer.getConfig()["momentum"]),
      offset,
      elementsPerSample,
    };
    offset += 2 * channels;
    return slot;
  });
}

/** The output shape is [null, ..., channels]; a batch norm normalises over all axes but the last. */
function normalisedShape(layer: Layer): { channels: number; elementsPerSample: number } {
  const sizes = (layer.outputShape as (number | null)[]).slice(1);
  const channels = sizes.at(-1);
  if (channels === undefined || sizes.includes(null)) {
    throw new TrainyardError("MODEL", `the layer ${layer.name} has no fixed shape; give the model one`);
  }
  const elements = sizes.reduce<number>((product, size) => product * (size ?? 1), 1);
  return { channels: channels ?? 1, elementsPerSample: elements / (channels ?? 1) };
}
