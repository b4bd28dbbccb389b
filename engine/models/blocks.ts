/**
 * The layers that our models are made of, with their configurations written out as Keras does.
 */
import { type LayerTopology, outputUnits, type TopologySpec } from "./layer-topology.js";

export interface ModelLayers {
  readonly layers: readonly LayerTopology[];
  /** Max-pools of 2 on the way: what bounds the picture size from below. */
  readonly poolings: number;
}

const initializer = (name: string) => ({ class_name: name, config: {} });
const weights = {
  use_bias: true,
  kernel_initializer: initializer("GlorotUniform"),
  bias_initializer: initializer("Zeros"),
};

export const convolution = (index: number, filters: number, kernelSize: number): LayerTopology => ({
  class_name: "Conv2D",
  config: {
    name: `conv2d_${index}`,
    trainable: true,
    dtype: "float32",
    filters,
    kernel_size: [kernelSize, kernelSize],
    strides: [1, 1],
    padding: "same",
    data_format: "channels_last",
    dilation_rate: [1, 1],
    activation: "relu",
    ...weights,
  },
});

export const batchNormalization = (index: number, momentum: number): LayerTopology => ({
  class_name: "BatchNormalization",
  config: {
    name: `batch_normalization_${index}`,
    trainable: true,
    dtype: "float32",
    axis: -1,
    momentum,
    epsilon: 1e-3,
    center: true,
    scale: true,
    beta_initializer: initializer("Zeros"),
    gamma_initializer: initializer("Ones"),
    moving_mean_initializer: initializer("Zeros"),
    moving_variance_initializer: initializer("Ones"),
  },
});

export const maxPooling = (index: number): LayerTopology => ({
  class_name: "MaxPooling2D",
  config: {
    name: `max_pooling2d_${index}`,
    trainable: true,
    dtype: "float32",
    pool_size: [2, 2],
    padding: "valid",
    strides: [2, 2],
    data_format: "channels_last",
  },
});

/** Convolution, relu, batch norm, halve: the order of the classic net. */
export const convolutionBlock = (
  index: number,
  filters: number,
  kernelSize: number,
  { model }: TopologySpec,
): LayerTopology[] => [
  convolution(index, filters, kernelSize),
  batchNormalization(index, model.batchNormMomentum),
  maxPooling(index),
];

export const flatten = (): LayerTopology => ({
  class_name: "Flatten",
  config: { name: "flatten_1", trainable: true, dtype: "float32", data_format: "channels_last" },
});

export const dense = (index: number, units: number, activation: string): LayerTopology => ({
  class_name: "Dense",
  config: { name: `dense_${index}`, trainable: true, dtype: "float32", units, activation, ...weights },
});

export const dropout = (rate: number): LayerTopology => ({
  class_name: "Dropout",
  config: { name: "dropout_1", trainable: true, dtype: "float32", rate },
});

/** Flatten, dense relu, dropout, dense sigmoid or softmax. */
export const classifier = (units: number, { classes, model }: TopologySpec): LayerTopology[] => [
  flatten(),
  dense(1, units, "relu"),
  dropout(model.dropout),
  dense(2, outputUnits(classes), classes.length === 2 ? "sigmoid" : "softmax"),
];
