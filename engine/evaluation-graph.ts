/**
 * Records the evaluation of one block size as a graph: no augmentation, no dropout, batch norm on the published
 * statistics. Losses include label smoothing, as Keras' validation loss does, but no class weights.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { lossPerSample, probabilitiesOf } from "./losses.js";
import { pixelValues, scaledPixels } from "./preprocessing.js";
import { type RecordedInput, record } from "./recording/op-recorder.js";
import type { RecordedGraph } from "./recording/recorded-graph.js";
import { DataType, nodeBackend } from "./recording/tfjs-node-backend.js";
import { exampleTensor } from "./session/native-tensor.js";
import { parameterInputs, statisticsInputs } from "./session/weight-inputs.js";
import { regularisation, type StepModel } from "./training-graph.js";

/** Records an evaluation. Outputs: `losses` [n], `probabilities` [n, classes], and `regularisation` if the spec has it. */
export function recordEvaluation(source: StepModel, samples: number): RecordedGraph {
  const { tf, spec, model, layout } = source;
  const backend = nodeBackend(tf);
  const { height, width, channels } = spec.image;
  const shape = [samples, height, width, channels];
  const pixels = new Uint8Array(samples * height * width * channels);
  const images = exampleTensor(backend, shape, DataType.uint8, pixels);
  const labels = exampleTensor(backend, [samples], DataType.int32, new Int32Array(samples));
  const inputs: RecordedInput[] = [
    { name: "images", dtype: DataType.uint8, tensor: images },
    { name: "labels", dtype: DataType.int32, tensor: labels },
    ...parameterInputs(model, layout),
    ...statisticsInputs(model, layout),
  ];
  try {
    return record(tf, inputs, () => evaluation(source, images, labels));
  } finally {
    images.dispose();
    labels.dispose();
  }
}

function evaluation(source: StepModel, images: Tensor, labels: Tensor): Record<string, Tensor> {
  const { tf, spec, model } = source;
  const pixels = scaledPixels(pixelValues(tf, images));
  const logits = model.apply(pixels, { training: false }) as Tensor;
  const penalty = regularisation(source);
  return {
    losses: lossPerSample(tf, spec, logits, labels),
    probabilities: probabilitiesOf(tf, spec, logits),
    ...(penalty !== null && { regularisation: penalty }),
  };
}
