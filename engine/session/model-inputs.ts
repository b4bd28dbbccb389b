/**
 * The names under which a model's weights enter a graph. The model's tfjs variables stand for them while a
 * graph is recorded; sessions are fed slices of the flat vectors.
 */
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { invariant, TrainyardError } from "../../shared/errors.js";
import type { ModelLayout } from "../../shared/layout.js";
import { batchNormsOf } from "../models/layout.js";
import { DataType, type NativeBinding } from "../recording/backend.js";
import type { RecordedInput } from "../recording/recorder.js";
import { type NativeTensor, nativeTensor } from "./native-tensor.js";

interface Part {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

const parameterParts = (layout: ModelLayout): Part[] =>
  layout.parameters.map((slot, index) => ({ ...slot, name: `parameter_${index}` }));

const statisticsParts = (layout: ModelLayout): Part[] =>
  layout.batchNorms.flatMap(({ offset, channels }, index) => [
    { name: `mean_${index}`, shape: [channels], offset, size: channels },
    { name: `variance_${index}`, shape: [channels], offset: offset + channels, size: channels },
  ]);

/** In layout order. */
export function parameterInputs(model: LayersModel, layout: ModelLayout): RecordedInput[] {
  const tensors = model.layers.flatMap((layer) => layer.trainableWeights.map((weight) => weight.read()));
  return inputs(parameterParts(layout), tensors);
}

export function statisticsInputs(model: LayersModel, layout: ModelLayout): RecordedInput[] {
  const tensors = batchNormsOf(model).flatMap((layer) =>
    ["moving_mean", "moving_variance"].map((name) => {
      const weight = layer.weights.find((candidate) => candidate.originalName.endsWith(`/${name}`));
      invariant(weight !== undefined, `${layer.name} has a ${name}`);
      return weight.read();
    }),
  );
  return inputs(statisticsParts(layout), tensors);
}

function inputs(parts: readonly Part[], tensors: readonly Tensor[]): RecordedInput[] {
  return parts.map(({ name }, index) => {
    const tensor = tensors[index];
    invariant(tensor !== undefined, `the model has a weight for ${name}`);
    return { name, dtype: DataType.float, tensor };
  });
}

/** The flat vectors as the tensors that sessions are fed; copies, closed by the caller. */
export function weightFeeds(
  binding: NativeBinding,
  layout: ModelLayout,
  parameters: Float32Array,
  statistics: Float32Array,
): Map<string, NativeTensor> {
  refuseLength("parameters", parameters, layout.parameterCount);
  refuseLength("batch-norm statistics", statistics, layout.statisticsCount);
  const feeds = new Map<string, NativeTensor>();
  const add = (parts: readonly Part[], vector: Float32Array) => {
    for (const { name, shape, offset, size } of parts) {
      feeds.set(name, nativeTensor(binding, shape, DataType.float, vector.slice(offset, offset + size)));
    }
  };
  add(parameterParts(layout), parameters);
  add(statisticsParts(layout), statistics);
  return feeds;
}

function refuseLength(what: string, vector: Float32Array, expected: number): void {
  if (vector.length === expected) return;
  throw new TrainyardError(
    "MODEL",
    `the model takes ${expected} ${what}, not ${vector.length}: these weights belong to another model`,
  );
}
