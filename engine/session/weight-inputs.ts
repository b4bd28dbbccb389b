/**
 * The inputs by which a model's weights enter a graph. While a graph is recorded, the model's tfjs variables stand for
 * them; sessions are fed with parts of the flat vectors.
 */
import type { LayersModel, Tensor } from "@tensorflow/tfjs-node-gpu";
import { invariant, TrainyardError } from "../../shared/errors.js";
import type { ModelLayout } from "../../shared/layout.js";
import { batchNormsOf } from "../models/parameter-layout.js";
import type { RecordedInput } from "../recording/op-recorder.js";
import { DataType, type NativeBinding } from "../recording/tfjs-node-backend.js";
import { tensorMemory } from "./aligned-memory.js";
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

/** The inputs for the trainable weights, in the order of the layout. */
export function parameterInputs(model: LayersModel, layout: ModelLayout): RecordedInput[] {
  const tensors = model.layers.flatMap((layer) => layer.trainableWeights.map((weight) => weight.read()));
  return inputs(parameterParts(layout), tensors);
}

/** The inputs for the batch norms' moving statistics, in the order of the layout. */
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

/**
 * The tensors of the weights that sessions are fed with. Their memory is allocated once, so setting new weights copies
 * them once, if TensorFlow can read that memory in place (aligned-memory.ts). The caller closes it.
 */
export class WeightFeeds {
  readonly #binding: NativeBinding;
  readonly #layout: ModelLayout;
  readonly #parameters: readonly PlacedPart[];
  readonly #statistics: readonly PlacedPart[];
  readonly tensors = new Map<string, NativeTensor>();

  constructor(binding: NativeBinding, layout: ModelLayout) {
    this.#binding = binding;
    this.#layout = layout;
    this.#parameters = placed(binding, parameterParts(layout));
    this.#statistics = placed(binding, statisticsParts(layout));
  }

  /** Copies new weights into the tensors. Throws MODEL when the vectors have the sizes of another model. */
  set(parameters: Float32Array, statistics: Float32Array): void {
    refuseLength("parameters", parameters, this.#layout.parameterCount);
    refuseLength("batch-norm statistics", statistics, this.#layout.statisticsCount);
    this.close();
    for (const part of this.#parameters) this.#feed(part, parameters);
    for (const part of this.#statistics) this.#feed(part, statistics);
  }

  /** Frees the tensors. */
  close(): void {
    for (const tensor of this.tensors.values()) tensor.close();
    this.tensors.clear();
  }

  #feed({ name, shape, offset, size, values }: PlacedPart, vector: Float32Array): void {
    values.set(vector.subarray(offset, offset + size));
    this.tensors.set(name, nativeTensor(this.#binding, shape, DataType.float, values));
  }
}

interface PlacedPart extends Part {
  readonly values: Float32Array;
}

function placed(binding: NativeBinding, parts: readonly Part[]): PlacedPart[] {
  const sizes = parts.map(({ size }) => size);
  const views = tensorMemory(binding, sizes);
  return parts.map((part, index) => ({ ...part, values: views[index] as Float32Array }));
}

function refuseLength(what: string, vector: Float32Array, expected: number): void {
  if (vector.length === expected) return;
  throw new TrainyardError(
    "MODEL",
    `the model takes ${expected} ${what}, not ${vector.length}: these weights belong to another model`,
  );
}
