/**
 * The layers that our models are made of, with their configurations written out as Keras does.
 */
import { type LayerTopology, outputActivation, outputUnits, type TopologySpec } from "./layer-topology.js";

export interface ModelLayers {
  readonly layers: readonly LayerTopology[];
  /** Max-pools of 2 on the way: what bounds the image size from below. */
  readonly poolings: number;
}

const initializer = (name: string) => ({ class_name: name, config: {} });
const weights = {
  use_bias: true,
  kernel_initializer: initializer("GlorotUniform"),
  bias_initializer: initializer("Zeros"),
};

/** What most layers of a kind share. */
const common = (name: string) => ({ name, trainable: true, dtype: "float32" });

export interface ConvolutionOptions {
  readonly filters: number;
  readonly kernelSize: number;
  readonly stride?: number;
  readonly activation?: "linear" | "relu";
  /** Needless before a batch norm, which takes the mean out. */
  readonly useBias?: boolean;
}

export const convolutionLayer = (
  name: string,
  { filters, kernelSize, stride = 1, activation = "linear", useBias = false }: ConvolutionOptions,
): LayerTopology => ({
  class_name: "Conv2D",
  config: {
    ...common(name),
    filters,
    kernel_size: [kernelSize, kernelSize],
    strides: [stride, stride],
    padding: "same",
    data_format: "channels_last",
    dilation_rate: [1, 1],
    activation,
    ...weights,
    use_bias: useBias,
  },
});

/** 3x3, one filter a channel, without bias. */
export const depthwiseConvolution = (name: string, stride: number): LayerTopology => ({
  class_name: "DepthwiseConv2D",
  config: {
    ...common(name),
    kernel_size: [3, 3],
    strides: [stride, stride],
    padding: "same",
    depth_multiplier: 1,
    data_format: "channels_last",
    dilation_rate: [1, 1],
    activation: "linear",
    use_bias: false,
    depthwise_initializer: initializer("GlorotUniform"),
    bias_initializer: initializer("Zeros"),
  },
});

const convolution = (index: number, filters: number, kernelSize: number): LayerTopology =>
  convolutionLayer(`conv2d_${index}`, { filters, kernelSize, activation: "relu", useBias: true });

export const batchNormalization = (name: string, momentum: number): LayerTopology => ({
  class_name: "BatchNormalization",
  config: {
    ...common(name),
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

/** `ceiling`: what no output exceeds (6 for relu6); null = none. */
export const relu = (name: string, ceiling: number | null = null): LayerTopology => ({
  class_name: "ReLU",
  config: { ...common(name), max_value: ceiling, negative_slope: 0, threshold: 0 },
});

export const addition = (name: string): LayerTopology => ({ class_name: "Add", config: common(name) });

const globalAveragePooling = (name: string): LayerTopology => ({
  class_name: "GlobalAveragePooling2D",
  config: { ...common(name), data_format: "channels_last" },
});

interface PoolingOptions {
  readonly size: number;
  readonly padding: "valid" | "same";
}

/** Halves each side. */
export const maxPooling = (
  name: string,
  { size, padding }: PoolingOptions = { size: 2, padding: "valid" },
): LayerTopology => ({
  class_name: "MaxPooling2D",
  config: {
    ...common(name),
    pool_size: [size, size],
    padding,
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
  batchNormalization(`batch_normalization_${index}`, model.batchNormMomentum),
  maxPooling(`max_pooling2d_${index}`),
];

export const flatten = (): LayerTopology => ({
  class_name: "Flatten",
  config: { ...common("flatten_1"), data_format: "channels_last" },
});

const dense = (index: number, units: number, activation: string): LayerTopology => ({
  class_name: "Dense",
  config: { ...common(`dense_${index}`), units, activation, ...weights },
});

export const dropout = (rate: number): LayerTopology => ({
  class_name: "Dropout",
  config: { ...common("dropout_1"), rate },
});

/** Flatten, dense relu, dropout, dense sigmoid or softmax. */
export const classifier = (units: number, { classes, model }: TopologySpec): LayerTopology[] => [
  flatten(),
  dense(1, units, "relu"),
  dropout(model.dropout),
  dense(2, outputUnits(classes), outputActivation(classes)),
];

/** The mean of each channel, dropout, dense sigmoid or softmax: how residual nets end. */
export const averageClassifier = ({ classes, model }: TopologySpec): LayerTopology[] => [
  globalAveragePooling("global_average_pooling2d_1"),
  dropout(model.dropout),
  dense(1, outputUnits(classes), outputActivation(classes)),
];
