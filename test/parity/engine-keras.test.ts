/**
 * One step of our models equals one step of real Keras: loss, correct count, every gradient, the statistics
 * of the batch and the probabilities of evaluation, each within 1e-4 (of the largest, where that is above 1).
 * Keras computes in float64, which is the exact answer; one case is compared with float32 Keras too. Batches are
 * small at 64x64: among the windows of many images rounding decides some near-tie of a max-pool, and the
 * gradient jumps with it, here and in Keras' own float32 (off by 3e-3 from its float64 at 32 photographs).
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { EngineSpec, MicroBatch } from "../../engine/engine.js";
import { modelTopology } from "../../engine/models/model-topology.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import type { ModelLayout } from "../../shared/layout.js";
import { newestDraws } from "../../shared/random.js";
import { photographBatch } from "../support/engine/photographs.js";
import {
  engineSpec,
  freshStatistics,
  largestDifference,
  movedParameters,
  tensorFlow,
} from "../support/engine/spec.js";
import { kerasPython } from "../support/parts.js";

const script = fileURLToPath(new URL("engine_keras_step.py", import.meta.url));
const tf = tensorFlow();
const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

interface KerasStep {
  readonly loss: number;
  readonly correct: number;
  readonly parameters: number;
  readonly trainable: number;
  readonly gradient: Float32Array;
  readonly means: Float32Array;
  readonly variances: Float32Array;
  readonly probabilities: Float32Array;
}

function kerasStep(
  spec: EngineSpec,
  batch: MicroBatch,
  parameters: Float32Array,
  precision: "float32" | "float64",
): KerasStep {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-keras-"));
  folders.push(folder);
  const { model, image, classWeights, labelSmoothing, classes } = spec;
  const step = { ...image, precision, model: model.name, l2: model.l2, classWeights, labelSmoothing };
  const file = (name: string) => join(folder, name);
  const digitsBlocks = convolutionsOf(spec);
  const written = { ...step, classes: classes.length, digitsBlocks, topology: functionalTopology(spec) };
  writeFileSync(file("step.json"), JSON.stringify(written));
  writeFileSync(file("parameters.f32"), parameters);
  writeFileSync(file("images.u8"), batch.images);
  writeFileSync(file("labels.i32"), batch.labels);
  execFileSync(kerasPython(), [script, folder], { stdio: ["ignore", "ignore", "pipe"] });
  const floats = (name: string) => new Float32Array(new Uint8Array(readFileSync(file(name))).buffer);
  return {
    ...(JSON.parse(readFileSync(file("result.json"), "utf8")) as Omit<KerasStep, "gradient">),
    gradient: floats("gradient.f32"),
    means: floats("means.f32"),
    variances: floats("variances.f32"),
    probabilities: floats("probabilities.f32"),
  };
}

/** What Keras builds a functional model of; momentum 0, so that its moving statistics are the batch's. */
function functionalTopology(spec: EngineSpec) {
  const topology = modelTopology({ ...spec, model: { ...spec.model, batchNormMomentum: 0 } });
  return topology.class_name === "Functional" ? topology : null;
}

/** [filters, kernel size] of each block. */
const convolutionsOf = (spec: EngineSpec) =>
  modelTopology(spec)
    .config.layers.filter((layer) => layer.class_name === "Conv2D")
    .map(({ config }) => [config["filters"], (config["kernel_size"] as number[])[0]]);

/** Undoes the op's Bessel correction, as the coordinator does when it averages the statistics of the lanes. */
function statisticsOf(engine: ReturnType<typeof createEngine>, statistics: Float32Array, samples: number) {
  const means: number[] = [];
  const variances: number[] = [];
  for (const { offset, channels, elementsPerSample } of engine.layout.batchNorms) {
    const elements = samples * elementsPerSample;
    const part = (start: number) => statistics.subarray(start, start + channels);
    means.push(...part(offset));
    variances.push(...part(offset + channels).map((value) => (value * (elements - 1)) / elements));
  }
  return { means, variances };
}

/** Of each parameter: the largest difference, in parts of the largest exact value where that is above 1. */
function errors({ parameters }: ModelLayout, gradient: Float32Array, exact: Float32Array): number[] {
  return parameters.map(({ offset, size }) => {
    const part = (vector: Float32Array) => vector.subarray(offset, offset + size);
    const scale = Math.max(1, largestDifference(part(exact), new Float32Array(size)));
    return largestDifference(part(gradient), part(exact)) / scale;
  });
}

interface Case {
  readonly spec: EngineSpec;
  readonly samples: number;
  readonly precision?: "float32" | "float64";
  /** So many units bend at 0 and 6 that rounding moves some across: gradients are as near as Keras' own float32. */
  readonly hasManyBends?: boolean;
}

const cases: Record<string, Case> = {
  "the classic net, 64x64x3, Keras in float32": {
    spec: engineSpec({ height: 64 }),
    samples: 4,
    precision: "float32",
  },
  "the classic net, 64x64x3": { spec: engineSpec({ height: 64 }), samples: 4 },
  "class weights {0: 1, 1: 3}": { spec: engineSpec({ height: 64, classWeights: [1, 3] }), samples: 4 },
  "an L2 regulariser": { spec: engineSpec({ height: 64, model: { l2: 0.001 } }), samples: 4 },
  "label smoothing 0.1": { spec: engineSpec({ height: 32, labelSmoothing: 0.1 }), samples: 32 },
  "softmax over 5 classes, weights, smoothing, L2": {
    spec: engineSpec({
      classes: 5,
      height: 24,
      width: 40,
      classWeights: [1, 2, 0.5, 1, 3],
      labelSmoothing: 0.1,
      model: { l2: 0.01 },
    }),
    samples: 20,
  },
  "the digits net, 28x28x1, 10 classes": {
    spec: engineSpec({ model: { name: "digits" }, classes: 10, height: 28, channels: 1 }),
    samples: 32,
  },
  "MobileNetV2, 64x64x3": {
    spec: engineSpec({ height: 64, model: { name: "mobilenet-v2" } }),
    samples: 4,
    hasManyBends: true,
  },
  "ResNet-18, 64x64x3, 3 classes": {
    spec: engineSpec({ height: 64, model: { name: "resnet-18" }, classes: 3 }),
    samples: 4,
  },
};

describe.each(Object.entries(cases))(
  "one step equals Keras': %s",
  async (_, { spec, samples, precision = "float64", hasManyBends = false }: Case) => {
    const engine = createEngine(tf, spec);
    const batch = await photographBatch(spec, samples);
    const parameters = movedParameters(engine.initialise(11, newestDraws));
    engine.setWeights(parameters, freshStatistics(engine.layout));
    const ours = engine.gradients(batch);
    const evaluated = engine.evaluate(batch.images, batch.labels);
    const keras = kerasStep(spec, batch, parameters, precision);
    const single = hasManyBends ? kerasStep(spec, batch, parameters, "float32") : keras;

    it("loss and correct count", () => {
      expect(Math.abs(ours.lossSum / samples - keras.loss)).toBeLessThan(1e-4);
      expect(ours.correct).toBe(keras.correct);
    });

    it("every gradient", () => {
      const mean = ours.gradient.map((value) => value / samples);
      expect(keras.gradient.some((value) => Math.abs(value) > 1e-2)).toBe(true);
      const tolerances = hasManyBends
        ? errors(engine.layout, single.gradient, keras.gradient).map((error) => Math.max(1e-4, 2 * error))
        : engine.layout.parameters.map(() => 1e-4);
      for (const [index, error] of errors(engine.layout, mean, keras.gradient).entries()) {
        expect(error, engine.layout.parameters[index]?.name).toBeLessThan(tolerances[index] ?? 0);
        expect(error).toBeLessThan(0.1);
      }
    });

    it("the batch's means and variances, Bessel's correction undone", () => {
      const { means, variances } = statisticsOf(engine, ours.statistics, samples);
      expect(largestDifference(means, keras.means)).toBeLessThan(1e-4);
      expect(largestDifference(variances, keras.variances)).toBeLessThan(1e-4);
    });

    it("the probabilities of evaluation on fresh statistics", () => {
      const classes = spec.classes.length;
      const probabilities =
        classes === 2
          ? evaluated.probabilities.filter((_, index) => index % 2 === 1)
          : evaluated.probabilities;
      expect(largestDifference(probabilities, keras.probabilities)).toBeLessThan(1e-4);
    });

    it("the number of parameters", () => {
      expect(keras.trainable).toBe(engine.layout.parameterCount);
      expect(keras.parameters).toBe(engine.layout.parameterCount + engine.layout.statisticsCount);
    });
  },
);
