/**
 * Losses per sample from logits, in forms that don't overflow, and the class weights and label smoothing of
 * Keras. Gradients are given in closed form, so that the graph holds two ops instead of tfjs' dozen.
 */
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "./native/load-tensorflow.js";
import { DataType, nodeBackend, typeAttribute } from "./recording/tfjs-node-backend.js";

export interface LossSpec {
  readonly classes: readonly string[];
  /** Keras: targets t become t (1 - s) + s / K; for one sigmoid unit K is 2. */
  readonly labelSmoothing: number;
}

/**
 * float32 [n]. `logits`: [n, 1] for two classes (of the second), else [n, classes]; `labels`: int32 [n].
 */
export function lossPerSample(tf: TensorFlow, spec: LossSpec, logits: Tensor, labels: Tensor): Tensor1D {
  return spec.classes.length === 2
    ? sigmoidCrossEntropy(tf, logits.flatten(), binaryTargets(labels, spec))
    : softmaxCrossEntropy(tf, logits as Tensor2D, oneHotTargets(tf, labels, spec));
}

/** float32 [n, classes]; for two classes [1 - p, p], p = sigmoid(logit). */
export function probabilitiesOf(tf: TensorFlow, spec: LossSpec, logits: Tensor): Tensor2D {
  if (spec.classes.length > 2) return tf.softmax(logits as Tensor2D);
  const second = tf.sigmoid(logits as Tensor2D);
  return tf.concat([second.neg().add(1), second], 1) as Tensor2D;
}

/** How many samples are classified right: p > 0.5 for the second of two classes, else the largest. */
export function correctCount(tf: TensorFlow, spec: LossSpec, logits: Tensor, labels: Tensor): Tensor {
  const predicted =
    spec.classes.length === 2
      ? tf.sigmoid(logits.flatten()).greater(0.5).cast("int32")
      : tf.softmax(logits as Tensor2D).argMax(1);
  return predicted.equal(labels).cast("float32").sum();
}

/** float32 [n], the weight of each label's class; null where every class weighs 1. */
export function sampleWeights(
  tf: TensorFlow,
  classWeights: readonly number[],
  labels: Tensor,
): Tensor1D | null {
  if (classWeights.every((weight) => weight === 1)) return null;
  const rows = tf.oneHot(labels as Tensor1D, classWeights.length).cast("float32");
  return rows.mul(tf.tensor1d([...classWeights])).sum(1) as Tensor1D;
}

const binaryTargets = (labels: Tensor, { labelSmoothing }: LossSpec): Tensor1D =>
  labels
    .cast("float32")
    .mul(1 - labelSmoothing)
    .add(labelSmoothing / 2) as Tensor1D;

function oneHotTargets(tf: TensorFlow, labels: Tensor, { classes, labelSmoothing }: LossSpec): Tensor2D {
  const rows = tf.oneHot(labels as Tensor1D, classes.length).cast("float32");
  return rows.mul(1 - labelSmoothing).add(labelSmoothing / classes.length) as Tensor2D;
}

/** max(x, 0) - x t + log(1 + exp(-|x|)); gradient sigmoid(x) - t (TensorFlow, sigmoid_cross_entropy_with_logits). */
function sigmoidCrossEntropy(tf: TensorFlow, logits: Tensor, targets: Tensor1D): Tensor1D {
  return tf.customGrad((...args) => {
    const [x, save] = args as [Tensor, (tensors: Tensor[]) => void];
    save([x, targets]);
    const value = x.relu().sub(x.mul(targets)).add(x.abs().neg().exp().log1p());
    const gradFunc = (dy: Tensor, saved: Tensor[]) => {
      const [logit, target] = saved as [Tensor, Tensor];
      return dy.mul(tf.sigmoid(logit).sub(target));
    };
    return { value, gradFunc };
  })(logits) as Tensor1D;
}

/** TensorFlow's SoftmaxCrossEntropyWithLogits, which returns loss [n] and gradient [n, classes] together. */
function softmaxCrossEntropy(tf: TensorFlow, logits: Tensor2D, targets: Tensor2D): Tensor1D {
  const attributes = [typeAttribute("T", DataType.float)];
  return tf.customGrad((...args) => {
    const [x, save] = args as [Tensor, (tensors: Tensor[]) => void];
    const op = "SoftmaxCrossEntropyWithLogits";
    const outputs = nodeBackend(tf).executeMultipleOutputs(op, attributes, [x, targets], 2);
    const [value, gradient] = outputs as [Tensor, Tensor];
    save([gradient]);
    return { value, gradFunc: (dy: Tensor, [saved]: Tensor[]) => dy.expandDims(1).mul(saved as Tensor) };
  })(logits) as Tensor1D;
}
