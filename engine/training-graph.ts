/**
 * Records the training step of one micro-batch size as a graph. Inputs: pixels, labels, weights and what was drawn for
 * the augmentation. Outputs: loss sum, correct count, flat gradient and batch-norm statistics. The gradient is that of
 * sum_i c(y_i) loss_i + n * regularisation; docs/design/mathematics-of-a-lane.md explains it.
 */
import type { LayersModel, Scalar, Tensor, Variable } from "@tensorflow/tfjs-node-gpu";
import { TrainyardError } from "../shared/errors.js";
import type { ModelLayout } from "../shared/layout.js";
import type { AugmentationInputs } from "./augmentation/augmentation-ops.js";
import type { EngineSpec } from "./engine.js";
import { TrainingContext } from "./layers/training-context.js";
import { correctCount, lossPerSample, sampleWeights } from "./losses.js";
import { isKernel } from "./models/parameter-layout.js";
import type { TensorFlow } from "./native/load-tensorflow.js";
import { augmentedPixels } from "./preprocessing.js";
import { type RecordedInput, record } from "./recording/op-recorder.js";
import type { RecordedGraph } from "./recording/recorded-graph.js";
import { DataType, nodeBackend, type TensorValues } from "./recording/tfjs-node-backend.js";
import { withBiasOps } from "./rewriting/bias-ops.js";
import { withBfloat16Products } from "./rewriting/mixed-precision.js";
import { exampleTensor } from "./session/native-tensor.js";
import { parameterInputs } from "./session/weight-inputs.js";

/** A model with everything that its graphs are recorded from. The model's output is logits. */
export interface StepModel {
  readonly tf: TensorFlow;
  readonly spec: EngineSpec;
  readonly model: LayersModel;
  readonly layout: ModelLayout;
}

/** The tensors of a micro-batch of n samples, in the shapes of MicroBatch. */
interface StepInputs extends AugmentationInputs {
  readonly images: Tensor;
  readonly labels: Tensor;
  readonly dropoutSeed: Tensor;
}

/** Records the step. The graph's outputs are `lossSum`, `correct`, `gradient`, and `statistics` if there are batch norms. */
export function recordTraining(source: StepModel, samples: number): RecordedGraph {
  const { tf, model, layout } = source;
  const batch = exampleBatch(source, samples);
  const inputs = [...Object.values(batch), ...parameterInputs(model, layout)];
  try {
    const graph = withBiasOps(record(tf, inputs, () => trainingStep(source, samples, tensorsOf(batch))));
    return source.spec.engine.compute === "bfloat16" ? withBfloat16Products(graph) : graph;
  } finally {
    for (const { tensor } of Object.values(batch)) tensor.dispose();
  }
}

/** Computes the step: forward pass, loss, backward pass. It also runs eagerly, as the parity tests do. */
export function trainingStep(source: StepModel, samples: number, inputs: StepInputs): Record<string, Tensor> {
  const { tf, spec, layout } = source;
  const step = new TrainingContext(tf, inputs.dropoutSeed);
  const pixels = augmentedPixels(tf, inputs.images, inputs, spec);
  let logits: Tensor | null = null;
  try {
    const { value, grads } = tf.variableGrads(() => {
      logits = tf.keep(source.model.apply(pixels, { training: true, step }) as Tensor);
      return lossSum(source, samples, logits, inputs.labels);
    }, parametersOf(source.model));
    const statistics = step.statistics(layout.batchNorms.map((slot) => slot.layer));
    return {
      lossSum: value,
      correct: correctCount(tf, spec, logits as unknown as Tensor, inputs.labels),
      gradient: tf.concat(gradientsInOrder(source, grads)),
      ...(statistics.length > 0 && { statistics: tf.concat(statistics) }),
    };
  } finally {
    step.dispose();
    (logits as Tensor | null)?.dispose();
  }
}

/** The sum of the samples' weighted losses, plus the regularisation term for each sample. */
function lossSum(
  { tf, spec, model, layout }: StepModel,
  samples: number,
  logits: Tensor,
  labels: Tensor,
): Scalar {
  const losses = lossPerSample(tf, spec, logits, labels);
  const weights = sampleWeights(tf, spec.classWeights, labels);
  const sum = (weights === null ? losses : losses.mul(weights)).sum() as Scalar;
  const penalty = regularisation({ tf, spec, model, layout });
  return penalty === null ? sum : sum.add(penalty.mul(samples));
}

/** The L2 penalty, l2 * the sum of the squares of all kernels (Keras' regularizers.L2 on each); null when it is off. */
export function regularisation({ tf, spec, model, layout }: StepModel): Scalar | null {
  if (spec.model.l2 === 0) return null;
  const kernels = parametersOf(model).filter((_, index) => {
    const slot = layout.parameters[index];
    return slot !== undefined && isKernel(slot);
  });
  return tf.addN(kernels.map((kernel) => kernel.square().sum())).mul(spec.model.l2) as Scalar;
}

/** The model's trainable variables, in the order of the layout. */
const parametersOf = (model: LayersModel): Variable[] =>
  model.layers.flatMap((layer) => layer.trainableWeights.map((weight) => weight.read() as Variable));

function gradientsInOrder({ model, layout }: StepModel, gradients: Record<string, Tensor>): Tensor[] {
  return parametersOf(model).map((parameter, index) => {
    const gradient = gradients[parameter.name];
    if (gradient !== undefined) return gradient.flatten();
    const name = layout.parameters[index]?.name ?? parameter.name;
    throw new TrainyardError(
      "MODEL",
      `the output does not depend on the weight ${name}: it can't be trained`,
    );
  });
}

/** Inputs filled with zeros, in the shapes of a micro-batch: recording uses shapes and never looks at values. */
function exampleBatch({ tf, spec }: StepModel, n: number): Record<keyof StepInputs, RecordedInput> {
  const backend = nodeBackend(tf);
  const example = (name: string, shape: number[], dtype: number, values: TensorValues): RecordedInput => ({
    name,
    dtype,
    tensor: exampleTensor(backend, shape, dtype, values),
  });
  const { height, width, channels } = spec.image;
  const floats = (size: number) => new Float32Array(size);
  const pixels = new Uint8Array(n * height * width * channels);
  return {
    images: example("images", [n, height, width, channels], DataType.uint8, pixels),
    labels: example("labels", [n], DataType.int32, new Int32Array(n)),
    transforms: example("transforms", [n, 8], DataType.float, floats(n * 8)),
    brightness: example("brightness", [n], DataType.float, floats(n)),
    channelShifts: example("channelShifts", [n], DataType.float, floats(n)),
    dropoutSeed: example("dropoutSeed", [2], DataType.int32, new Int32Array(2)),
  };
}

const tensorsOf = (batch: Record<keyof StepInputs, RecordedInput>): StepInputs => ({
  images: batch.images.tensor,
  labels: batch.labels.tensor,
  transforms: batch.transforms.tensor,
  brightness: batch.brightness.tensor,
  channelShifts: batch.channelShifts.tensor,
  dropoutSeed: batch.dropoutSeed.tensor,
});
