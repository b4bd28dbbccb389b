/** Recording: the graph holds the ops it should, replays what eager tfjs computes, and freezes no value. */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-node-gpu";
import { describe, expect, it } from "vitest";
import { perturbations } from "../../engine/layers/dropout-and-noise.js";
import { blockCount } from "../../engine/layers/fused-batch-norm.js";
import { buildTopology } from "../../engine/models/build-model.js";
import { modelTopology, withLogits } from "../../engine/models/model-topology.js";
import { layoutOf } from "../../engine/models/parameter-layout.js";
import { record } from "../../engine/recording/op-recorder.js";
import { opsOf } from "../../engine/recording/recorded-graph.js";
import { DataType, nodeBackend } from "../../engine/recording/tfjs-node-backend.js";
import { GraphSession } from "../../engine/session/graph-session.js";
import { nativeTensor } from "../../engine/session/native-tensor.js";
import { recordTraining } from "../../engine/training-graph.js";
import { engineSpec, largestDifference, type SpecChoices, tensorFlow } from "../support/engine/spec.js";

const tf = tensorFlow();
const { binding } = nodeBackend(tf);

function trainingGraph(choices: SpecChoices) {
  const spec = engineSpec(choices);
  const model = buildTopology(tf, withLogits(modelTopology(spec)));
  return recordTraining({ tf, spec, model, layout: layoutOf(model) }, 4);
}

/** Records y = step(x), and returns the function that replays it. */
function replay(example: Tensor, step: (x: Tensor) => Tensor): (values: Float32Array) => Float32Array {
  const inputs = [{ name: "x", dtype: DataType.float, tensor: example }];
  const session = new GraphSession(
    binding,
    record(tf, inputs, () => ({ y: step(example) })),
  );
  return (values) => {
    const x = nativeTensor(binding, example.shape, DataType.float, values);
    const [y] = session.run(new Map([["x", x]]), ["y"]);
    x.close();
    return y as Float32Array;
  };
}

describe("the training graph", () => {
  it("normalises and differentiates with the fused ops", () => {
    const ops = opsOf(trainingGraph({ model: { dropout: 0.5 } }));
    for (const op of ["FusedBatchNormV3", "FusedBatchNormGradV3", "ReluGrad", "StatelessRandomUniform"]) {
      expect(ops).toContain(op);
    }
    // What tfjs composes relu's gradient and random masks from.
    for (const op of ["Step", "Select", "IsNan", "RandomUniform"]) expect(ops).not.toContain(op);
  });

  it("has only inputs that some output needs", () => {
    const names = [...trainingGraph({}).inputs.keys()];
    expect(names).toContain("images");
    for (const name of ["transforms", "brightness", "channelShifts", "dropoutSeed"]) {
      expect(names).not.toContain(name);
    }
    expect([...trainingGraph({ augmentation: { rotationRange: 5 } }).inputs.keys()]).toContain("transforms");
  });
});

describe("recording", () => {
  it("replays on new values, through ops that share data and constants of one or many values", () => {
    const example = tf.zeros([2, 3]);
    const weights = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    const step = (x: Tensor) =>
      tf
        .concat([x.clone().reshape([3, 2]).expandDims(0), tf.ones([1, 3, 2]).mul(0.5)], 0)
        .add(weights.reshape([1, 3, 2]));
    const run = replay(example, step);
    for (const values of [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(-1, 0, 0.5, 9, 8, 7)]) {
      expect(run(values)).toEqual(step(tf.tensor2d(values, [2, 3])).dataSync());
    }
  });

  it.each<[string, (x: Tensor) => void]>([
    ["dataSync", (x) => x.square().dataSync()],
    [
      "data",
      (x) =>
        void x
          .square()
          .data()
          .catch(() => undefined),
    ],
    ["arraySync", (x) => x.square().arraySync()],
  ])("refuses %s on a computed value and names the op", (_, read) => {
    const x = tf.ones([2]);
    const inputs = [{ name: "x", dtype: DataType.float, tensor: x }];
    const step = () => {
      read(x);
      return { y: x.add(1) };
    };
    expect(() => record(tf, inputs, step)).toThrow(/reads the value of Square_\d+:0 \(op Square\)/);
    expect(x.square().dataSync()).toEqual(Float32Array.of(1, 1));
  });

  it("refuses to read an input", () => {
    const x = tf.ones([2]);
    const inputs = [{ name: "x", dtype: DataType.float, tensor: x }];
    expect(() => record(tf, inputs, () => ({ y: tf.scalar(x.dataSync()[0] ?? 0) }))).toThrow(
      /reads the value of x/,
    );
  });

  it("refuses random numbers that would become constants of the graph", () => {
    const x = tf.ones([8]);
    const inputs = [{ name: "x", dtype: DataType.float, tensor: x }];
    expect(() => record(tf, inputs, () => ({ y: tf.dropout(x, 0.5) }))).toThrow(/draws from Math.random/);
    expect(Math.random()).toBeLessThan(1);
  });

  it("leaves the backend unchanged after an error", () => {
    const backend = nodeBackend(tf);
    const before = Object.keys(backend);
    expect(() =>
      record(tf, [], () => {
        throw new Error("the step failed");
      }),
    ).toThrow("the step failed");
    expect(Object.keys(backend)).toEqual(before);
  });
});

describe("random layers", () => {
  const seed = (value: number) => tf.tensor1d([value, 0], "int32") as Tensor1D;
  const perturb = (name: string, settings: Record<string, number>, x: Tensor, value = 1) =>
    (perturbations[name]?.(tf, settings)?.(x, seed(value)) ?? x).dataSync() as Float32Array;
  const moments = (values: Float32Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    return { mean, deviation: Math.sqrt(variance) };
  };

  it("dropout drops at its rate and scales what it keeps", () => {
    const values = perturb("Dropout", { rate: 0.25 }, tf.ones([100_000]));
    expect(new Set(values)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
    const dropped = values.filter((value) => value === 0).length / values.length;
    expect(Math.abs(dropped - 0.25)).toBeLessThan(0.01);
    expect(perturb("Dropout", { rate: 0.25 }, tf.ones([100_000]), 2)).not.toEqual(values);
    expect(perturb("Dropout", { rate: 0.25 }, tf.ones([100_000]))).toEqual(values);
  });

  it("spatial dropout drops whole channels", () => {
    const values = perturb("SpatialDropout1D", { rate: 0.5 }, tf.ones([4, 5, 6]));
    for (let sample = 0; sample < 4; sample += 1) {
      for (let channel = 0; channel < 6; channel += 1) {
        const steps = [0, 1, 2, 3, 4].map((step) => values[(sample * 5 + step) * 6 + channel]);
        expect(new Set(steps).size).toBe(1);
      }
    }
    expect(new Set(values)).toEqual(new Set([0, 2]));
  });

  it("gaussian noise, gaussian dropout and alpha dropout have the moments of their definitions", () => {
    const noise = moments(perturb("GaussianNoise", { stddev: 0.3 }, tf.zeros([100_000])));
    expect(noise.mean).toBeCloseTo(0, 1);
    expect(noise.deviation).toBeCloseTo(0.3, 2);
    const product = moments(perturb("GaussianDropout", { rate: 0.2 }, tf.ones([100_000])));
    expect(product.mean).toBeCloseTo(1, 1);
    expect(product.deviation).toBeCloseTo(0.5, 1);
    const normal = tf.randomNormal([100_000], 0, 1, "float32", 9);
    const kept = moments(perturb("AlphaDropout", { rate: 0.3 }, normal));
    expect(kept.mean).toBeCloseTo(0, 1);
    expect(kept.deviation).toBeCloseTo(1, 1);
  });
});

describe("fused batch norm", () => {
  it("counts blocks that divide the elements", () => {
    for (const elements of [1, 2, 7, 32, 6272, 131_072]) {
      expect(elements % blockCount(elements)).toBe(0);
      expect(blockCount(elements)).toBeLessThanOrEqual(128);
    }
    expect(blockCount(131_072)).toBe(128);
  });

  it("differentiates activations as eager tfjs and calculus do", () => {
    const x = tf.tensor1d([-2, -0.5, 0.5, 2, 7]);
    const gradient = (f: (x: Tensor) => Tensor) =>
      tf
        .grad((t: Tensor) => f(t).sum())(x)
        .dataSync();
    const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
    const values = [-2, -0.5, 0.5, 2, 7];
    const expected: [string, (t: Tensor) => Tensor, (v: number) => number][] = [
      ["relu", (t) => t.relu(), (v) => (v > 0 ? 1 : 0)],
      ["relu6", (t) => t.relu6(), (v) => (v > 0 && v < 6 ? 1 : 0)],
      ["sigmoid", (t) => t.sigmoid(), (v) => sigmoid(v) * (1 - sigmoid(v))],
      ["tanh", (t) => t.tanh(), (v) => 1 - Math.tanh(v) ** 2],
      ["elu", (t) => t.elu(), (v) => (v > 0 ? 1 : Math.exp(v))],
      ["selu", (t) => t.selu(), (v) => 1.0507009873554805 * (v > 0 ? 1 : 1.6732632423543772 * Math.exp(v))],
    ];
    for (const [name, f, derivative] of expected) {
      expect(largestDifference(gradient(f), values.map(derivative)), name).toBeLessThan(1e-6);
    }
  });
});
