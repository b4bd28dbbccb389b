/**
 * Twenty steps of our Adam equal twenty steps of real Keras 3 Adam with the same gradients, weights and both moments,
 * to 1e-6 of the largest (Keras in float64 is the exact answer; its own float32 is held to the same).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { divisorOf, initialOptimizer, nextAdamStep } from "../../coordinator/core/optimizer.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { RandomStream } from "../../shared/random.js";
import type { OptimizerSpec } from "../../shared/spec.js";
import { kerasPython } from "../support/parts.js";
import { ownedBy, vectorsOf } from "../support/slice-vectors.js";

const script = fileURLToPath(new URL("adam_keras.py", import.meta.url));
const [count, steps, samples] = [9_000, 20, 32];
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const random = new RandomStream(5, 5);
const weights = new Float32Array(count).map(() => random.nextBetween(-1, 1));
/** Means over the samples, of very different sizes from element to element and step to step; some always zero. */
const gradients = Array.from({ length: steps }, (_, step) =>
  new Float32Array(count).map((_, i) =>
    i % 11 === 0 ? 0 : random.nextBetween(-1, 1) * 10 ** -(i % 7) * (1 + (step % 3)),
  ),
);

interface Vectors {
  readonly weights: Float64Array;
  readonly m: Float64Array;
  readonly v: Float64Array;
}

/** Of each step of the last run. */
let clipped: boolean[] = [];

const ratesOf = (spec: OptimizerSpec, changed: boolean) =>
  gradients.map((_, step) => (changed && step >= steps / 2 ? spec.learningRate / 10 : spec.learningRate));

function kerasAdam(spec: OptimizerSpec, rates: readonly number[], precision: "float32" | "float64"): Vectors {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-adam-"));
  folders.push(folder);
  const file = (name: string) => join(folder, name);
  writeFileSync(
    file("adam.json"),
    JSON.stringify({ ...spec, precision, count, steps, learningRates: rates }),
  );
  writeFileSync(file("weights.f32"), weights);
  writeFileSync(
    file("gradients.f32"),
    Buffer.concat(gradients.map((gradient) => Buffer.from(gradient.buffer))),
  );
  execFileSync(kerasPython(), [script, folder], { stdio: ["ignore", "ignore", "pipe"] });
  const out = (name: string) => new Float64Array(new Uint8Array(readFileSync(file(`${name}.out`))).buffer);
  return { weights: out("weights"), m: out("m"), v: out("v") };
}

/** As a run does it: the root is the sum over the step's samples, divided by their number in Adam. */
function ourAdam(spec: OptimizerSpec, rates: readonly number[]): Vectors {
  const slice = new ReducedSlice({ slice: 0, begin: 0, end: count }, 1);
  slice.load(ownedBy(slice, weights));
  let state = initialOptimizer(spec);
  gradients.forEach((gradient, step) => {
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
    const adam = nextAdamStep(spec, state, rates[step] as number, divisorOf(spec, samples, norm));
    state = adam.state;
    slice.apply(adam.step);
  });
  const moments = vectorsOf(slice);
  return {
    weights: Float64Array.from(moments.weights),
    m: Float64Array.from(moments.m),
    v: Float64Array.from(moments.v),
  };
}

/** The largest difference in units of the largest value. */
function relativeDifference(ours: Float64Array, keras: Float64Array): number {
  expect(ours.length).toBe(keras.length);
  const scale = keras.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  return ours.reduce((worst, value, i) => Math.max(worst, Math.abs(value - (keras[i] as number))), 0) / scale;
}

const defaults: OptimizerSpec = {
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
  schedule: "constant",
  clipNorm: null,
};
/** Between the norms of the steps' gradients, so that some are clipped and some are not. */
const clipping: OptimizerSpec = { ...defaults, clipNorm: 30 };
const cases: [string, OptimizerSpec, boolean, "float32" | "float64"][] = [
  ["with Keras' defaults", defaults, false, "float64"],
  ["with Keras' defaults, in Keras' float32", defaults, false, "float32"],
  [
    "with other betas, rate and epsilon",
    { ...defaults, learningRate: 0.02, beta1: 0.8, beta2: 0.95, epsilon: 1e-4 },
    false,
    "float64",
  ],
  ["clipped to a global norm", clipping, false, "float64"],
  ["clipped to a global norm, in Keras' float32", clipping, false, "float32"],
  ["with a learning rate that falls on the way", { ...defaults, learningRate: 0.01 }, true, "float64"],
];

describe("Adam over twenty steps", () => {
  it.each(cases)("equals real Keras: %s", (_, spec, changed, precision) => {
    clipped = [];
    const rates = ratesOf(spec, changed);
    const [ours, keras] = [ourAdam(spec, rates), kerasAdam(spec, rates, precision)];
    expect(relativeDifference(keras.weights, Float64Array.from(weights))).toBeGreaterThan(1e-3);
    expect(relativeDifference(ours.weights, keras.weights)).toBeLessThan(1e-6);
    expect(relativeDifference(ours.m, keras.m)).toBeLessThan(1e-6);
    expect(relativeDifference(ours.v, keras.v)).toBeLessThan(1e-6);
    if (spec.clipNorm !== null) expect(new Set(clipped)).toEqual(new Set([true, false]));
  });
});
