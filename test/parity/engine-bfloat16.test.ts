/**
 * What `--compute bfloat16` costs in exactness, against float32 on the same photographs. Every factor of a product is
 * rounded by at most 2^-9 (0.2 %), its sum is float32. Over a net's layers, forwards and backwards, the roundings add up,
 * and each unit near the bend of a relu or the tie of a max-pool that they move to the other side moves the gradient
 * as a whole: fresh weights and 16 images, 6 to 10 % of its length in nets of five layers, a third in ResNet-18, in
 * nearly the same direction. So the angle is bounded too. Parameters, evaluation and what leaves the engine stay float32.
 * Without AVX-512 oneDNN takes no bfloat16 and TensorFlow falls back to Eigen, which rounds the sums as well: about twice as
 * far off (seen on an AMD EPYC with AVX2).
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { EngineSpec } from "../../engine/engine.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { newestDraws } from "../../shared/random.js";
import { photographBatch } from "../support/engine/photographs.js";
import { engineSpec, freshStatistics, movedParameters, tensorFlow } from "../support/engine/spec.js";

const tf = tensorFlow();
const samples = 16;

async function step(spec: EngineSpec) {
  const engine = createEngine(tf, spec);
  engine.setWeights(movedParameters(engine.initialise(11, newestDraws)), freshStatistics(engine.layout));
  const batch = await photographBatch(spec, samples);
  const results = [engine.gradients(batch), engine.gradients(batch)] as const;
  const evaluated = engine.evaluate(batch.images, batch.labels);
  engine.dispose();
  return { results, evaluated };
}

const product = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0);
const length = (values: Float32Array) => Math.sqrt(product(values, values));
const sameBits = (a: Float32Array, b: Float32Array) =>
  Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength));

const hasAvx512 = /\bavx512f\b/.test(readFileSync("/proc/cpuinfo", "utf8"));

const cases = {
  "the classic net": {
    choice: { height: 64 },
    ...(hasAvx512
      ? { loss: 0.005, distance: 0.15, cosine: 0.98 }
      : { loss: 0.015, distance: 0.4, cosine: 0.95 }),
  },
  "the digits net, 10 classes": {
    choice: { model: { name: "digits" }, classes: 10, height: 28, channels: 1 },
    ...(hasAvx512
      ? { loss: 0.005, distance: 0.15, cosine: 0.98 }
      : { loss: 0.015, distance: 0.3, cosine: 0.97 }),
  },
  "ResNet-18": {
    choice: { model: { name: "resnet-18" }, height: 64 },
    ...(hasAvx512
      ? { loss: 0.03, distance: 0.5, cosine: 0.88 }
      : { loss: 0.05, distance: 0.9, cosine: 0.75 }),
  },
} as const;

describe.each(Object.entries(cases))("bfloat16 products: %s", async (_, { choice, ...tolerances }) => {
  const exact = await step(engineSpec(choice));
  const rounded = await step(engineSpec({ ...choice, compute: "bfloat16" }));
  const [first, second] = rounded.results;
  const [{ lossSum, gradient }] = exact.results;

  it("loss and gradient are near those of float32, but not equal to them", () => {
    expect(Math.abs(first.lossSum - lossSum) / lossSum).toBeLessThan(tolerances.loss);
    const difference = first.gradient.map((value, index) => value - (gradient[index] ?? Number.NaN));
    const distance = length(difference) / length(gradient);
    expect(distance).toBeLessThan(tolerances.distance);
    expect(distance).toBeGreaterThan(1e-4);
    const cosine = product(first.gradient, gradient) / length(first.gradient) / length(gradient);
    expect(cosine).toBeGreaterThan(tolerances.cosine);
  });

  it("computing it again gives the same bits", () => {
    expect(sameBits(second.gradient, first.gradient)).toBe(true);
    expect(second.lossSum).toBe(first.lossSum);
  });

  it("evaluation computes in float32: it has the same bits as without bfloat16", () => {
    expect(rounded.evaluated).toEqual(exact.evaluated);
  });
});
