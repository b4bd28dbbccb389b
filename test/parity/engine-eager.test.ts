/**
 * A recorded step equals the step that a tfjs user would write: tfjs' own layers, run eagerly, losses from
 * tf.losses, statistics from tf.moments.
 */
import type { LayersModel, Scalar, Tensor, Tensor2D, Variable } from "@tensorflow/tfjs-node-gpu";
import { describe, expect, it } from "vitest";
import type { EngineSpec, MicroBatch } from "../../engine/engine.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { newestDraws } from "../../shared/random.js";
import { photographBatch } from "../support/engine/photographs.js";
import {
  engineSpec,
  freshStatistics,
  largestDifference,
  movedParameters,
  type SpecChoices,
  tensorFlow,
} from "../support/engine/spec.js";

const tf = tensorFlow();

/** The net of the spec in tfjs' own layers (factories give those, whatever is registered), ending in logits. */
function tfjsModel({ image, classes }: EngineSpec, blocks: readonly [number, number][]): LayersModel {
  const inputShape = [image.height, image.width, image.channels];
  const model = tf.sequential();
  for (const [index, [filters, kernelSize]] of blocks.entries()) {
    const conv = { filters, kernelSize, padding: "same", activation: "relu" } as const;
    model.add(tf.layers.conv2d(index === 0 ? { ...conv, inputShape } : conv));
    model.add(tf.layers.batchNormalization({ momentum: 0 }));
    model.add(tf.layers.maxPooling2d({ poolSize: 2 }));
  }
  model.add(tf.layers.flatten());
  model.add(tf.layers.dense({ units: 128, activation: "relu" }));
  model.add(tf.layers.dense({ units: classes.length === 2 ? 1 : classes.length }));
  return model;
}

function eagerStep(model: LayersModel, spec: EngineSpec, batch: MicroBatch) {
  const { height, width, channels } = spec.image;
  const samples = batch.labels.length;
  const x = tf.tensor(Float32Array.from(batch.images), [samples, height, width, channels]).div(255);
  const labels = tf.tensor1d(batch.labels, "int32");
  const variables = model.trainableWeights.map((weight) => weight.read() as Variable);
  const { value, grads } = tf.variableGrads(() => {
    const logits = model.apply(x, { training: true }) as Tensor2D;
    const sum = tf.Reduction.SUM;
    return (
      spec.classes.length === 2
        ? tf.losses.sigmoidCrossEntropy(labels.reshape([samples, 1]), logits, 1, 0, sum)
        : tf.losses.softmaxCrossEntropy(tf.oneHot(labels, spec.classes.length), logits, 1, 0, sum)
    ) as Scalar;
  }, variables);
  const gradient = tf.concat(variables.map((variable) => (grads[variable.name] as Tensor).flatten()));
  return { lossSum: value.dataSync()[0] ?? Number.NaN, gradient: gradient.dataSync() as Float32Array };
}

const cases: [string, SpecChoices, [number, number][]][] = [
  [
    "classic, two classes",
    { height: 32 },
    [
      [32, 3],
      [64, 3],
      [128, 3],
    ],
  ],
  [
    "classic, four classes, oblong",
    { classes: 4, height: 16, width: 24 },
    [
      [32, 3],
      [64, 3],
      [128, 3],
    ],
  ],
];

describe.each(cases)("recorded equals eager tfjs: %s", async (_, choices, blocks) => {
  const spec = engineSpec(choices);
  const engine = createEngine(tf, spec);
  const parameters = movedParameters(engine.initialise(3, newestDraws));
  engine.setWeights(parameters, freshStatistics(engine.layout));
  const batch = await photographBatch(spec, 4);
  const recorded = engine.gradients(batch);
  const model = tfjsModel(spec, blocks);
  for (const [index, { offset, size, shape }] of engine.layout.parameters.entries()) {
    model.trainableWeights[index]?.write(tf.tensor(parameters.slice(offset, offset + size), shape));
  }
  const eager = eagerStep(model, spec, batch);

  it("loss and every gradient", () => {
    expect(Math.abs(recorded.lossSum - eager.lossSum) / 4).toBeLessThan(1e-4);
    for (const { name, offset, size } of engine.layout.parameters) {
      const part = (vector: Float32Array) => vector.subarray(offset, offset + size).map((value) => value / 4);
      const scale = Math.max(1, largestDifference(part(eager.gradient), new Float32Array(size)));
      const difference = largestDifference(part(recorded.gradient), part(eager.gradient)) / scale;
      expect(difference, name).toBeLessThan(1e-4);
    }
  });

  it("the batch's statistics, with Bessel's correction", () => {
    // Momentum 0: tfjs' moving statistics are those of the batch.
    const moving = model.weights.filter((weight) => weight.originalName.includes("moving_"));
    for (const [index, slot] of engine.layout.batchNorms.entries()) {
      const [mean, variance] = moving.slice(2 * index).map((weight) => weight.read().dataSync());
      const elements = 4 * slot.elementsPerSample;
      const part = (start: number) => recorded.statistics.subarray(start, start + slot.channels);
      expect(largestDifference(part(slot.offset), mean ?? [])).toBeLessThan(1e-4);
      const corrected = [...(variance ?? [])].map((value) => (value * elements) / (elements - 1));
      expect(largestDifference(part(slot.offset + slot.channels), corrected)).toBeLessThan(1e-4);
    }
  });
});
