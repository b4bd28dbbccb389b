/**
 * Steps of our optimizers equal steps of real Keras 3 with the same gradients: weights and every moment to 1e-6 of the
 * largest (Keras in float64 is the exact answer; its own float32 is held to the same). Twenty of Adam, fifty of SGD.
 */
import { beforeAll, describe, expect, it } from "vitest";
import { divisorOf } from "../../coordinator/optimizers/gradient-divisor.js";
import {
  initialOptimizer,
  momentVectorsOf,
  nextOptimizerStep,
} from "../../coordinator/optimizers/registry.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { RandomStream } from "../../shared/random.js";
import type { OptimizerSpec } from "../../shared/spec.js";
import { runInFolders, ScriptFolder } from "../support/keras-script.js";
import { adamSpec, sgdSpec } from "../support/optimizers.js";

import { ownedBy, vectorsOf } from "../support/slice-vectors.js";

const [count, samples] = [9_000, 32];
const stepsOf = { adam: 20, sgd: 50 };
const random = new RandomStream(5, 5);
const weights = new Float32Array(count).map(() => random.nextBetween(-1, 1));
/** Means over the samples, of very different sizes from element to element and step to step; some always zero. */
const allGradients = Array.from({ length: 50 }, (_, step) =>
  new Float32Array(count).map((_, i) =>
    i % 11 === 0 ? 0 : random.nextBetween(-1, 1) * 10 ** -(i % 7) * (1 + (step % 3)),
  ),
);

const gradientsFor = ({ name }: OptimizerSpec) => allGradients.slice(0, stepsOf[name]);

/** The weights and each moment. */
type Vectors = readonly Float64Array[];

/** Of each step of the last run. */
let clipped: boolean[] = [];

const ratesOf = (spec: OptimizerSpec, changed: boolean) =>
  gradientsFor(spec).map((_, step, { length }) =>
    changed && step >= length / 2 ? spec.learningRate / 10 : spec.learningRate,
  );

/** A folder with steps for Keras to make. */
function folderOf(spec: OptimizerSpec, rates: readonly number[], precision: Precision): ScriptFolder {
  const gradients = gradientsFor(spec);
  const folder = new ScriptFolder();
  const given = { ...spec, precision, count, steps: gradients.length, learningRates: rates };
  folder.write("optimizer.json", JSON.stringify(given));
  folder.write("weights.f32", weights);
  folder.write("gradients.f32", Buffer.concat(gradients.map(({ buffer }) => Buffer.from(buffer))));
  return folder;
}

/** What Keras' steps in the folder ended with. */
const kerasVectors = (spec: OptimizerSpec, folder: ScriptFolder): Vectors =>
  ["weights", ...momentVectorsOf(spec).map(({ name }) => name)].map((name) => folder.float64(`${name}.out`));

/** As a run does it: the root is the sum over the step's samples, divided by their number in the update. */
function ourVectors(spec: OptimizerSpec, rates: readonly number[]): Vectors {
  const slice = new ReducedSlice(
    { slice: 0, begin: 0, end: count },
    { lanes: 1, momentVectors: momentVectorsOf(spec).length },
  );
  slice.load(ownedBy(slice, weights));
  let state = initialOptimizer(spec);
  gradientsFor(spec).forEach((gradient, step) => {
    slice.begin({ step, attempt: 0, present: [0], banned: [] });
    const { report } = slice.take(
      { step, attempt: 0, node: { begin: 0, end: 1 }, kind: "GRADIENT", worker: "w" },
      ownedBy(
        slice,
        gradient.map((value) => value * samples),
      ),
    );
    const norm = Math.sqrt(report?.blockSums.reduce((sum, block) => sum + block, 0) ?? 0) / samples;
    clipped.push(norm > (spec.clipNorm ?? Number.POSITIVE_INFINITY));
    const learningRate = rates[step] as number;
    const next = nextOptimizerStep(spec, state, { learningRate, divisor: divisorOf(spec, samples, norm) });
    state = next.state;
    slice.apply(next.step);
  });
  const whole = vectorsOf(slice);
  return [whole.weights, ...whole.moments].map((vector) => Float64Array.from(vector));
}

/** The largest difference in units of the largest value. */
function relativeDifference(ours: Float64Array, keras: Float64Array): number {
  expect(ours.length).toBe(keras.length);
  const scale = keras.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return ours.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (keras[i] as number))), 0) / scale;
}

type Precision = "float32" | "float64";
/** `clipNorm`: between the norms of the steps' gradients, so that some are clipped and some are not. */
const cases: [string, OptimizerSpec, boolean, Precision][] = [
  ["Adam with Keras' defaults", adamSpec, false, "float64"],
  ["Adam with Keras' defaults, in Keras' float32", adamSpec, false, "float32"],
  [
    "Adam with other betas, rate and epsilon",
    { ...adamSpec, learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-4 },
    false,
    "float64",
  ],
  ["Adam clipped to a global norm", { ...adamSpec, clipNorm: 30 }, false, "float64"],
  ["Adam clipped to a global norm, in Keras' float32", { ...adamSpec, clipNorm: 30 }, false, "float32"],
  ["Adam with a learning rate that falls on the way", { ...adamSpec, learningRate: 0.01 }, true, "float64"],
  ["plain SGD", sgdSpec, false, "float64"],
  ["plain SGD, in Keras' float32", sgdSpec, false, "float32"],
  ["SGD with momentum", { ...sgdSpec, momentum: 0.9 }, false, "float64"],
  ["SGD with momentum, in Keras' float32", { ...sgdSpec, momentum: 0.9 }, false, "float32"],
  ["SGD with Nesterov's momentum", { ...sgdSpec, momentum: 0.9, nesterov: true }, false, "float64"],
  [
    "SGD with Nesterov's momentum, in Keras' float32",
    { ...sgdSpec, momentum: 0.9, nesterov: true },
    false,
    "float32",
  ],
  ["SGD of which Nesterov is asked without momentum", { ...sgdSpec, nesterov: true }, false, "float64"],
  [
    "SGD with momentum, clipped to a global norm",
    { ...sgdSpec, momentum: 0.5, clipNorm: 30 },
    false,
    "float64",
  ],
  [
    "SGD with momentum and a learning rate that falls on the way",
    { ...sgdSpec, momentum: 0.9 },
    true,
    "float64",
  ],
];

const runs = cases.map(([name, spec, changed, precision]) => {
  const rates = ratesOf(spec, changed);
  return { name, spec, rates, folder: folderOf(spec, rates, precision) };
});
beforeAll(() =>
  runInFolders(
    "optimizers_keras.py",
    runs.map(({ folder }) => folder),
  ),
);

describe("an optimizer over many steps", () => {
  it.each(runs)("equals real Keras: $name", ({ spec, rates, folder }) => {
    clipped = [];
    const [ours, keras] = [ourVectors(spec, rates), kerasVectors(spec, folder)];
    expect(relativeDifference(keras[0] as Float64Array, Float64Array.from(weights))).toBeGreaterThan(1e-3);
    expect(ours.length).toBe(keras.length);
    for (const [index, vector] of ours.entries())
      expect(relativeDifference(vector, keras[index] as Float64Array)).toBeLessThan(1e-6);
    if (spec.clipNorm !== null) expect(new Set(clipped)).toEqual(new Set([true, false]));
  });
});
