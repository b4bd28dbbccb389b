/** The layers that our models consist of, each with its whole configuration as Keras writes it. */
import { type LayerTopology, outputActivation, outputUnits, type TopologySpec } from "./layer-topology.js";

/** The layers of a sequential model. */
export interface ModelLayers {
  readonly layers: readonly LayerTopology[];
  /** The number of max-pools, each of which halves the sides. It decides the smallest image size. */
  readonly poolings: number;
}

const initializer = (name: string) => ({ class_name: name, config: {} });
const weights = {
  use_bias: true,
  kernel_initializer: initializer("GlorotUniform"),
  bias_initializer: initializer("Zeros"),
};

/** The configuration that all layers share. */
const common = (name: string) => ({ name, trainable: true, dtype: "float32" });

/** What distinguishes our convolutions. */
export interface ConvolutionOptions {
  readonly filters: number;
  readonly kernelSize: number;
  readonly stride?: number;
  readonly activation?: "linear" | "relu";
  /** Whether there is a bias. A batch norm that follows makes it useless, since it subtracts the mean. */
  readonly useBias?: boolean;
}

/** A Conv2D layer. */
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

/** A DepthwiseConv2D layer: 3x3, one filter for each channel, without bias. */
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

/** A BatchNormalization layer. */
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

/** A ReLU layer. `ceiling` is the largest output (6 for relu6); null means no limit. */
export const relu = (name: string, ceiling: number | null = null): LayerTopology => ({
  class_name: "ReLU",
  config: { ...common(name), max_value: ceiling, negative_slope: 0, threshold: 0 },
});

/** An Add layer, which adds the outputs of two layers. */
export const addition = (name: string): LayerTopology => ({ class_name: "Add", config: common(name) });

const globalAveragePooling = (name: string): LayerTopology => ({
  class_name: "GlobalAveragePooling2D",
  config: { ...common(name), data_format: "channels_last" },
});

interface PoolingOptions {
  readonly size: number;
  readonly padding: "valid" | "same";
}

/** A MaxPooling2D layer with a stride of 2, which halves each side. */
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

/** A block of the sequential models: convolution with relu, batch norm, max-pool. */
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

/** A Flatten layer. */
export const flatten = (): LayerTopology => ({
  class_name: "Flatten",
  config: { ...common("flatten_1"), data_format: "channels_last" },
});

const dense = (index: number, units: number, activation: string): LayerTopology => ({
  class_name: "Dense",
  config: { ...common(`dense_${index}`), units, activation, ...weights },
});

/** A Dropout layer. */
export const dropout = (rate: number): LayerTopology => ({
  class_name: "Dropout",
  config: { ...common("dropout_1"), rate },
});

/** The end of the sequential models: flatten, dense with relu, dropout, dense with sigmoid or softmax. */
export const classifier = (units: number, { classes, model }: TopologySpec): LayerTopology[] => [
  flatten(),
  dense(1, units, "relu"),
  dropout(model.dropout),
  dense(2, outputUnits(classes), outputActivation(classes)),
];

/** The end of the residual models: the mean of each channel, dropout, dense with sigmoid or softmax. */
export const averageClassifier = ({ classes, model }: TopologySpec): LayerTopology[] => [
  globalAveragePooling("global_average_pooling2d_1"),
  dropout(model.dropout),
  dense(1, outputUnits(classes), outputActivation(classes)),
];
