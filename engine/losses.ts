/**
 * The losses: cross-entropy of each sample from its logits, in forms that don't overflow, with Keras' class weights and
 * label smoothing. Gradients are given in closed form, so that the graph holds two ops instead of tfjs' dozen.
 */
import type { Tensor, Tensor1D, Tensor2D } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "./native/load-tensorflow.js";
import { DataType, nodeBackend, typeAttribute } from "./recording/tfjs-node-backend.js";

/** The part of a spec that decides the loss. */
export interface LossSpec {
  readonly classes: readonly string[];
  /** Keras' label smoothing s: a target t becomes t (1 - s) + s / K for K classes; K is 2 for a single sigmoid unit. */
  readonly labelSmoothing: number;
}

/**
 * The loss of each sample, float32 [n].
 * @param logits [n, 1] for two classes (the logit of the second), else [n, classes].
 * @param labels int32 [n].
 */
export function lossPerSample(tf: TensorFlow, spec: LossSpec, logits: Tensor, labels: Tensor): Tensor1D {
  return spec.classes.length === 2
    ? sigmoidCrossEntropy(tf, logits.flatten(), binaryTargets(labels, spec))
    : softmaxCrossEntropy(tf, logits as Tensor2D, oneHotTargets(tf, labels, spec));
}

/** The probabilities of each class, float32 [n, classes]: softmax, or for two classes [1 - p, p] with p = sigmoid(logit). */
export function probabilitiesOf(tf: TensorFlow, spec: LossSpec, logits: Tensor): Tensor2D {
  if (spec.classes.length > 2) return tf.softmax(logits as Tensor2D);
  const second = tf.sigmoid(logits as Tensor2D);
  return tf.concat([second.neg().add(1), second], 1) as Tensor2D;
}

/** The number of correctly classified samples. The second of two classes needs p > 0.5; of more, the largest wins. */
export function correctCount(tf: TensorFlow, spec: LossSpec, logits: Tensor, labels: Tensor): Tensor {
  const predicted =
    spec.classes.length === 2
      ? tf.sigmoid(logits.flatten()).greater(0.5).cast("int32")
      : tf.softmax(logits as Tensor2D).argMax(1);
  return predicted.equal(labels).cast("float32").sum();
}

/** The class weight of each sample, float32 [n]; null when every class weighs 1. */
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

/**
 * Binary cross-entropy of logits x and targets t: max(x, 0) - x t + log(1 + exp(-|x|)), with the gradient sigmoid(x) - t.
 * Source: TensorFlow's sigmoid_cross_entropy_with_logits.
 */
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

/** Categorical cross-entropy by TensorFlow's SoftmaxCrossEntropyWithLogits: returns loss [n] and gradient [n, classes]. */
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
