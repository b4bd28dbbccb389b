/**
 * What the engine promises its callers: the same bits for the same micro-batch, gradients that agree with
 * finite differences, dropout that follows its seed, evaluation that nothing random touches, no leaks.
 */
import { afterAll, describe, expect, it } from "vitest";
import type { Engine } from "../../engine/engine.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { newestDraws } from "../../shared/random.js";
import {
  engineSpec,
  freshStatistics,
  largestDifference,
  microBatch,
  movedParameters,
  type SpecChoices,
  tensorFlow,
} from "../support/engine/spec.js";

const tf = tensorFlow();
const opened: Engine[] = [];
afterAll(() => {
  for (const engine of opened) engine.dispose();
});

function readyEngine(choices: SpecChoices = {}) {
  const spec = engineSpec(choices);
  const engine = createEngine(tf, spec);
  opened.push(engine);
  const parameters = movedParameters(engine.initialise(5, newestDraws));
  engine.setWeights(parameters, freshStatistics(engine.layout));
  return { engine, spec, parameters };
}

const strongAugmentation = {
  rotationRange: 90,
  zoomRange: 0.5,
  horizontalFlip: true,
  fillMode: "wrap",
} as const;

describe("models", () => {
  it("the classic net has 1,142,529 trainable of 1,142,977 parameters at 64x64x3 with two classes", () => {
    const { layout } = createEngine(tf, engineSpec({ height: 64 }));
    expect(layout.parameterCount).toBe(1_142_529);
    expect(layout.parameterCount + layout.statisticsCount).toBe(1_142_977);
  });

  it("layouts name layers by themselves, whatever else was built in the process", () => {
    const names = () => createEngine(tf, engineSpec()).layout.parameters.map((slot) => slot.name);
    expect(names()).toEqual(names());
    expect(names().slice(0, 4)).toEqual([
      "conv2d_1/kernel",
      "conv2d_1/bias",
      "batch_normalization_1/gamma",
      "batch_normalization_1/beta",
    ]);
  });

  it("initial parameters follow the seed: Glorot uniform kernels, zero biases, ones and zeros for batch norm", () => {
    const engine = createEngine(tf, engineSpec());
    expect(engine.initialise(7, newestDraws)).toEqual(engine.initialise(7, newestDraws));
    expect(engine.initialise(8, newestDraws)).not.toEqual(engine.initialise(7, newestDraws));
    const parameters = engine.initialise(7, newestDraws);
    for (const { name, offset, size, shape } of engine.layout.parameters) {
      const values = parameters.subarray(offset, offset + size);
      if (name.endsWith("kernel")) {
        const receptive = shape.slice(0, -2).reduce((a, b) => a * b, 1);
        const limit = Math.sqrt(6 / (receptive * ((shape.at(-2) ?? 0) + (shape.at(-1) ?? 0))));
        const mean = values.reduce((a, b) => a + b, 0) / size;
        expect(Math.max(...values.map(Math.abs)), name).toBeLessThanOrEqual(limit);
        expect(Math.max(...values.map(Math.abs)), name).toBeGreaterThan(limit * 0.9);
        expect(Math.abs(mean), name).toBeLessThan((4 * limit) / Math.sqrt(3 * size));
      } else expect(new Set(values), name).toEqual(new Set([name.endsWith("gamma") ? 1 : 0]));
    }
  });

  it("images that the model would pool away are refused in a sentence", () => {
    expect(() => createEngine(tf, engineSpec({ height: 7, width: 64 }))).toThrow(
      /classic halves images 3 times and needs at least 8x8 pixels, not 7x64/,
    );
    expect(() => createEngine(tf, engineSpec({ model: { name: "digits" }, height: 3 }))).toThrow(/4x4/);
  });

  it("the smallest and oblong images train", () => {
    for (const [height, width] of [
      [8, 8],
      [9, 31],
    ] as const) {
      const { engine, spec } = readyEngine({ height, width, classes: 3 });
      expect(Number.isFinite(engine.gradients(microBatch(spec, 2)).lossSum)).toBe(true);
    }
  });

  it("class weights whose number is not that of the classes are refused", () => {
    expect(() => createEngine(tf, engineSpec({ classWeights: [1, 2, 3] }))).toThrow(
      /2 classes and 3 class weights/,
    );
  });
});

describe("gradients", () => {
  it.each([
    ["two classes, weights and L2", { classWeights: [1, 3], model: { l2: 0.01 }, labelSmoothing: 0.1 }],
    ["three classes", { classes: 3, classWeights: [1, 2, 0.5] }],
    ["dropout", { model: { dropout: 0.5 } }],
  ] as [string, SpecChoices][])("agree with finite differences: %s", (_, choices) => {
    const { engine, spec, parameters } = readyEngine({ ...choices, height: 8 });
    const batch = microBatch(spec, 6);
    const { gradient } = engine.gradients(batch);
    const lossAt = (distance: number) => {
      const moved = parameters.map((value, index) => value + distance * (gradient[index] ?? 0));
      engine.setWeights(moved, freshStatistics(engine.layout));
      return engine.gradients(batch).lossSum;
    };
    const squaredNorm = gradient.reduce((sum, value) => sum + value * value, 0);
    const distance = 2e-4 / Math.sqrt(squaredNorm);
    const slope = (lossAt(distance) - lossAt(-distance)) / (2 * distance);
    expect(Math.abs(slope / squaredNorm - 1)).toBeLessThan(0.02);
  });

  it("the same micro-batch gives the same bits 12 times", () => {
    const { engine, spec } = readyEngine({ model: { dropout: 0.5 }, augmentation: strongAugmentation });
    const batch = microBatch(spec, 16);
    const first = engine.gradients(batch);
    // Compared as bytes: toEqual takes longer over a vector than the engine.
    for (let i = 0; i < 11; i += 1) {
      const { gradient, ...rest } = engine.gradients(batch);
      expect(Buffer.compare(bytesOf(gradient), bytesOf(first.gradient))).toBe(0);
      expect({ ...rest, gradient: first.gradient }).toEqual(first);
    }
  });

  it("belong to the caller: a later call does not change them", () => {
    const { engine, spec } = readyEngine();
    const first = engine.gradients(microBatch(spec, 4, 1)).gradient;
    const copy = first.slice();
    engine.gradients(microBatch(spec, 4, 2));
    expect(first).toEqual(copy);
  });

  it("weights are copied: changing the caller's vector changes nothing", () => {
    const { engine, spec, parameters } = readyEngine();
    const batch = microBatch(spec, 4);
    const before = engine.gradients(batch);
    parameters.fill(9);
    expect(engine.gradients(batch)).toEqual(before);
  });

  it("each size has a graph of its own: without batch norm's coupling, 7 = 5 + 2 samples", () => {
    const { engine, spec } = readyEngine({ model: { l2: 0.01 } });
    engine.prepare({ gradients: [7, 5, 2, 1], evaluate: [7] });
    const batch = microBatch(spec, 7);
    const pixels = batch.images.length / 7;
    const whole = engine.evaluate(batch.images, batch.labels);
    const parts = [
      engine.evaluate(batch.images.slice(0, 5 * pixels), batch.labels.slice(0, 5)),
      engine.evaluate(batch.images.slice(5 * pixels), batch.labels.slice(5)),
    ];
    const losses = parts.flatMap((part) => [...part.losses]);
    expect(largestDifference(whole.losses, losses)).toBeLessThan(1e-5);
    expect(engine.gradients(microBatch(spec, 1)).samples).toBe(1);
  });

  it("the loss sum is that of evaluation's losses with class weights, when batch norm's statistics agree", () => {
    const choices = { classWeights: [1, 3], model: { l2: 0.01 } };
    const { engine, spec, parameters } = readyEngine(choices);
    const batch = microBatch(spec, 8);
    const { lossSum, statistics, correct } = engine.gradients(batch);
    engine.setWeights(parameters, populationStatistics(engine, statistics, 8));
    const { losses, regularisation, probabilities } = engine.evaluate(batch.images, batch.labels);
    const weighted = losses.reduce((sum, loss, i) => sum + loss * (batch.labels[i] === 1 ? 3 : 1), 0);
    expect(regularisation).toBeGreaterThan(0);
    expect(Math.abs(lossSum - (weighted + 8 * regularisation))).toBeLessThan(1e-3);
    const right = batch.labels.filter((label, i) => (probabilities[2 * i + 1] ?? 0) > 0.5 === (label === 1));
    expect(correct).toBe(right.length);
  });
});

/** Of one micro-batch, without the op's Bessel correction. */
function populationStatistics(engine: Engine, statistics: Float32Array, samples: number): Float32Array {
  const population = statistics.slice();
  for (const { offset, channels, elementsPerSample } of engine.layout.batchNorms) {
    const elements = samples * elementsPerSample;
    for (let c = offset + channels; c < offset + 2 * channels; c += 1) {
      population[c] = ((population[c] ?? 0) * (elements - 1)) / elements;
    }
  }
  return population;
}

describe("dropout", () => {
  it("another seed is another mask, the same seed the same mask", () => {
    const { engine, spec } = readyEngine({ model: { dropout: 0.5 } });
    const batch = microBatch(spec, 8);
    const lossOf = (dropoutSeed: readonly [number, number]) =>
      engine.gradients({ ...batch, dropoutSeed }).lossSum;
    const seeds = [
      [1, 0],
      [2, 0],
      [0xffffffff, 0],
      [1, 1],
      [1, 0xffffffff],
    ] as const;
    const losses = seeds.map(lossOf);
    expect(new Set(losses).size).toBe(seeds.length);
    expect(seeds.map(lossOf)).toEqual(losses);
  });
});

describe("evaluation", () => {
  it("is the same three times and equals predict, whatever the augmentation and dropout", () => {
    const calm = readyEngine({ classes: 3 });
    const wild = readyEngine({ classes: 3, augmentation: strongAugmentation, model: { dropout: 0.5 } });
    const { images, labels } = microBatch(calm.spec, 8);
    const expected = calm.engine.evaluate(images, labels);
    for (let i = 0; i < 3; i += 1) expect(wild.engine.evaluate(images, labels)).toEqual(expected);
    expect(wild.engine.predict(images)).toEqual(expected.probabilities);
  });

  it("predict takes any number of images", () => {
    const { engine, spec } = readyEngine();
    const { images, labels } = microBatch(spec, 77);
    const { probabilities } = engine.evaluate(images, labels);
    expect(largestDifference(engine.predict(images), probabilities)).toBeLessThan(1e-5);
    expect(engine.predict(new Uint8Array(0))).toEqual(new Float32Array(0));
  });

  it("two classes have probabilities 1 - p and p", () => {
    const { engine, spec } = readyEngine();
    const { probabilities } = engine.evaluate(microBatch(spec, 4).images, new Int32Array(4));
    for (let i = 0; i < 4; i += 1) {
      expect((probabilities[2 * i] ?? 0) + (probabilities[2 * i + 1] ?? 0)).toBeCloseTo(1, 6);
    }
  });

  it("uses the published statistics", () => {
    const { engine, spec, parameters } = readyEngine();
    const { images, labels } = microBatch(spec, 4);
    const before = engine.evaluate(images, labels).losses;
    engine.setWeights(
      parameters,
      freshStatistics(engine.layout).map((value) => value + 0.5),
    );
    expect(engine.evaluate(images, labels).losses).not.toEqual(before);
  });
});

describe("resources", () => {
  it("300 steps of a small net with batch norm and dropout leave no tensor behind", () => {
    const choices = { model: { name: "digits", dropout: 0.3 }, height: 8, channels: 1 } as const;
    const { engine, spec, parameters } = readyEngine(choices);
    const batch = microBatch(spec, 4);
    const step = () => {
      engine.gradients(batch);
      engine.setWeights(parameters, freshStatistics(engine.layout));
      engine.evaluate(batch.images, batch.labels);
    };
    step();
    const before = [engine.tensorCount(), tf.memory().numTensors];
    for (let i = 0; i < 300; i += 1) step();
    expect([engine.tensorCount(), tf.memory().numTensors]).toEqual(before);
  });

  it("an engine that is disposed leaves nothing", () => {
    const before = tf.memory().numTensors;
    const engine = createEngine(tf, engineSpec({ model: { dropout: 0.5 } }));
    engine.setWeights(engine.initialise(1, newestDraws), freshStatistics(engine.layout));
    const { spec } = { spec: engineSpec() };
    engine.gradients(microBatch(spec, 2));
    engine.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it("weights of another model are refused", () => {
    const { engine } = readyEngine();
    expect(() => engine.setWeights(new Float32Array(3), freshStatistics(engine.layout))).toThrow(
      /takes \d+ parameters, not 3/,
    );
  });
});
