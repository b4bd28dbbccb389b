/**
 * Training-time batch normalisation on TensorFlow's fused ops, with statistics that are accurate on a CPU.
 *
 * FusedBatchNormV3 on a CPU adds a channel's elements one after the other: at 32x64x64 the variance is off by
 * 3e-4, enough to turn near-ties of the following max-pool and to move gradients by a percent. So the op is
 * first run on blocks, each block's channels as channels of their own (the same memory, [elements / blocks,
 * blocks * channels]); the blocks' statistics are then combined by the law of total variance (Chan, Golub and
 * LeVeque 1979), which leaves errors of 3e-7; and the op normalises with these. 5 % of a step of the classic net.
 */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";
import {
  boolAttribute,
  DataType,
  floatAttribute,
  nodeBackend,
  type OpAttribute,
  stringAttribute,
  typeAttribute,
} from "../recording/tfjs-node-backend.js";

/** Mean and variance of a batch, float32 [channels] each. The variance is the population's (divided by n). */
interface Statistics {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** What is normalised, and how. */
export interface BatchNormInput {
  /** float32 [samples, height, width, channels]. */
  readonly x: Tensor;
  /** float32 [channels]: Keras' gamma. */
  readonly scale: Tensor;
  /** float32 [channels]: Keras' beta. */
  readonly offset: Tensor;
  readonly epsilon: number;
}

/** A normalised batch, with its statistics. */
export interface Normalised {
  /** The normalised values, in the shape of the input. */
  readonly value: Tensor;
  readonly mean: Tensor;
  /** The Bessel-corrected variance, as FusedBatchNormV3 returns it: n / (n - 1) times the population's. */
  readonly variance: Tensor;
  /** The op's reserved tensors, which its gradient op needs. */
  readonly reserved: Tensor[];
}

/** Normalises a batch by its own statistics. */
export function normalise(tf: TensorFlow, input: BatchNormInput): Normalised {
  const backend = nodeBackend(tf);
  if (backend.binding.isUsingGpuDevice()) {
    // cuDNN reduces in a tree, and its gradient wants what cuDNN itself reserved.
    const [value, mean, variance, ...reserved] = fused(tf, input, null);
    return { value, mean, variance, reserved };
  }
  const { mean, variance } = blockedStatistics(tf, input.x);
  const [value, , , , , unused] = fused(tf, input, { mean, variance });
  const elements = elementsOf(input.x);
  const corrected = variance.mul(elements / Math.max(1, elements - 1));
  return { value, mean, variance: corrected, reserved: [mean, variance, unused] };
}

/** What the gradient of a normalisation is computed from: the gradient `dy` of its result, and what it kept. */
export interface BatchNormGradientInput extends Omit<BatchNormInput, "offset"> {
  readonly dy: Tensor;
  readonly reserved: readonly Tensor[];
}

/** The gradients of x, scale and offset, in this order. */
export function normaliseGradient(
  tf: TensorFlow,
  { dy, x, scale, reserved, epsilon }: BatchNormGradientInput,
): Tensor[] {
  const inputs = [dy, x, scale, ...reserved];
  const attributes = fusedAttributes(epsilon, true);
  return nodeBackend(tf).executeMultipleOutputs("FusedBatchNormGradV3", attributes, inputs, 5).slice(0, 3);
}

function blockedStatistics(tf: TensorFlow, x: Tensor): Statistics {
  const elements = elementsOf(x);
  const channels = x.shape.at(-1) ?? 1;
  const blocks = blockCount(elements);
  const rows = elements / blocks;
  const zeros = tf.zeros([blocks * channels]);
  const inBlocks = x.reshape([rows, 1, 1, blocks * channels]);
  const blocksInput = { x: inBlocks, scale: zeros, offset: zeros, epsilon: 1e-3 };
  const [, blockMeans, blockVariances] = fused(tf, blocksInput, null);
  const means = blockMeans.reshape([blocks, channels]);
  const within = blockVariances.reshape([blocks, channels]).mul((rows - 1) / rows);
  const mean = means.mean(0);
  return { mean, variance: within.add(means.squaredDifference(mean)).mean(0) };
}

/** The number of elements in each channel. */
const elementsOf = (x: Tensor) => x.size / (x.shape.at(-1) ?? 1);

/** The largest number of blocks, up to 128 and the square root, that divides the elements evenly. Keeps both sums short. */
export function blockCount(elements: number): number {
  let blocks = Math.min(128, Math.floor(Math.sqrt(elements)));
  while (elements % blocks !== 0) blocks -= 1;
  return blocks;
}

type FusedOutputs = [
  value: Tensor,
  mean: Tensor,
  variance: Tensor,
  reserved1: Tensor,
  reserved2: Tensor,
  reserved3: Tensor,
];

/** Calls FusedBatchNormV3 with the given statistics, or, when they are null, with those of `x`, which it then returns. */
function fused(
  tf: TensorFlow,
  { x, scale, offset, epsilon }: BatchNormInput,
  given: Statistics | null,
): FusedOutputs {
  const none: Tensor1D = tf.tensor1d([]);
  const inputs = [x, scale, offset, given?.mean ?? none, given?.variance ?? none];
  const attributes = fusedAttributes(epsilon, given === null);
  return nodeBackend(tf).executeMultipleOutputs("FusedBatchNormV3", attributes, inputs, 6) as FusedOutputs;
}

const fusedAttributes = (epsilon: number, isTraining: boolean): OpAttribute[] => [
  typeAttribute("T", DataType.float),
  typeAttribute("U", DataType.float),
  floatAttribute("epsilon", epsilon),
  stringAttribute("data_format", "NHWC"),
  boolAttribute("is_training", isTraining),
];
