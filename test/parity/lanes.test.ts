/**
 * Lanes of unequal size are one batch (TN1, TN2): with the classic net without its batch norm, which by design
 * normalises each micro-batch by itself, the root over lanes divided by all samples is the gradient of one call on
 * all of them, and so is the Adam update. Regularisation and class weights are weighted along.
 */
import { afterAll, describe, expect, it } from "vitest";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { laneRange } from "../../dataset/lane-samples.js";
import type { EngineSpec, MicroBatch } from "../../engine/engine.js";
import { modelTopology, type SequentialTopology } from "../../engine/models/model-topology.js";
import { createEngineOf } from "../../engine/tensorflow-engine.js";
import { newestDraws } from "../../shared/random.js";
import { lanesBelow, nodesToSend } from "../../shared/tree.js";
import { TreeSum } from "../../shared/tree-sum.js";
import { computeLane } from "../../worker/lane.js";
import { photographBatch } from "../support/engine/photographs.js";
import { engineSpec, largestDifference, movedParameters, tensorFlow } from "../support/engine/spec.js";
import { adamSpec, firstStep } from "../support/optimizers.js";
import { ownedBy, vectorsOf } from "../support/slice-vectors.js";

const samples = 7;
const tf = tensorFlow();
const spec = engineSpec({ height: 24, classWeights: [1, 3], model: { l2: 0.01 } });
const engine = createEngineOf(tf, spec, withoutBatchNorm(spec));
const parameters = movedParameters(engine.initialise(3, newestDraws));
engine.setWeights(parameters, new Float32Array(0));
afterAll(() => engine.dispose());

const batch = await photographBatch(spec, samples);
const whole = computeLane(engine, [batch]);

function withoutBatchNorm(choices: EngineSpec) {
  const topology = modelTopology(choices) as SequentialTopology;
  const layers = topology.config.layers.filter(({ class_name }) => class_name !== "BatchNormalization");
  return { ...topology, config: { ...topology.config, layers } };
}

/** Samples [begin, end) of the batch. */
function part(begin: number, end: number): MicroBatch {
  const pixels = batch.images.length / samples;
  return {
    images: batch.images.slice(begin * pixels, end * pixels),
    labels: batch.labels.slice(begin, end),
    transforms: batch.transforms.slice(begin * 8, end * 8),
    brightness: batch.brightness.slice(begin, end),
    channelShifts: batch.channelShifts.slice(begin, end),
    dropoutSeed: [begin, 0],
  };
}

/** The step of `ranges` as lanes, dealt over workers as `owner` says: sums along the tree, then Adam. */
function stepOver(ranges: readonly (readonly [number, number])[], owner: readonly number[], calls = 1) {
  const present = new Set(ranges.flatMap(([begin, end], lane) => (end > begin ? [lane] : [])));
  const slice = new ReducedSlice(
    { slice: 0, begin: 0, end: parameters.length },
    {
      lanes: ranges.length,
      momentVectors: 2,
    },
  );
  slice.load(ownedBy(slice, parameters));
  slice.begin({ step: 0, attempt: 0, present: [...present], banned: [] });
  const sums = { lossSum: 0, correct: 0, samples: 0 };
  let blockSums = new Float64Array(0);
  for (const worker of new Set(owner)) {
    const owned = new Set([...present].filter((lane) => owner[lane] === worker));
    for (const node of nodesToSend(owned, present, ranges.length)) {
      const sum = new TreeSum(ranges.length, present);
      for (const lane of lanesBelow(node, present)) {
        const [begin, end] = ranges[lane] ?? [0, 0];
        const half = calls === 1 ? end : begin + Math.ceil((end - begin) / 2);
        const batches = [part(begin, half), ...(half < end ? [part(half, end)] : [])];
        const outcome = computeLane(engine, batches);
        expect(outcome.finite).toBe(true);
        sum.add({ begin: lane, end: lane + 1 }, outcome.gradient);
        sums.lossSum += outcome.lossSum;
        sums.correct += outcome.correct;
        sums.samples += outcome.samples;
      }
      for (const { node: sent, sum: vector } of sum.parts) {
        const claim = { step: 0, attempt: 0, node: sent, kind: "GRADIENT", worker: `${worker}` } as const;
        blockSums = new Float64Array(
          slice.take(claim, ownedBy(slice, vector)).report?.blockSums ?? blockSums,
        );
      }
    }
  }
  const norm = Math.sqrt(blockSums.reduce((total, block) => total + block, 0));
  slice.apply(firstStep(adamSpec, sums.samples));
  const { weights, moments } = vectorsOf(slice);
  const [m] = moments as [Float32Array];
  return { ...sums, norm, weights, gradient: m.map((value) => value / 0.1) };
}

describe("seven samples", () => {
  const one = stepOver([[0, samples]], [0]);
  const evenly = [0, 1, 2].map((lane) => laneRange(lane, 3, samples));
  const cases: [string, (readonly [number, number])[], number[], number][] = [
    [
      "5 + 2 in two lanes of two workers",
      [
        [0, 5],
        [5, 7],
      ],
      [0, 1],
      1,
    ],
    [
      "2 + 5 in two lanes of one worker",
      [
        [0, 2],
        [2, 7],
      ],
      [0, 0],
      1,
    ],
    [
      "in three lanes as the data set cuts them",
      evenly.map(({ begin, end }) => [begin, end] as const),
      [0, 1, 2],
      1,
    ],
    [
      "5 + 0 + 2: a worker whose lane is empty",
      [
        [0, 5],
        [5, 5],
        [5, 7],
      ],
      [0, 1, 2],
      1,
    ],
    [
      "5 + 2 in two calls each, accumulated",
      [
        [0, 5],
        [5, 7],
      ],
      [0, 1],
      2,
    ],
  ];

  it.each(cases)("%s are the step of one call on all", (_, ranges, owner, calls) => {
    const step = stepOver(ranges, owner, calls);
    const scale = one.gradient.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
    expect(step.samples).toBe(samples);
    expect(step.correct).toBe(one.correct);
    expect(step.lossSum / samples).toBeCloseTo(one.lossSum / samples, 5);
    expect(largestDifference(step.gradient, one.gradient)).toBeLessThan(1e-5 * Math.max(1, scale));
    // Adam's first step is the gradient's sign, which rounding decides where the gradient is next to nothing.
    const isClear = one.gradient.map((value) => Number(Math.abs(value) > 1e-4));
    expect(isClear.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(parameters.length / 10);
    const clear = (weights: Float32Array) => weights.map((value, i) => value * (isClear[i] as number));
    expect(largestDifference(clear(step.weights), clear(one.weights))).toBeLessThan(1e-6);
    expect(Math.abs(step.norm / one.norm - 1)).toBeLessThan(1e-5);
  });

  it("divide by the number of samples, as Keras does: the mean gradient, not a mean of lanes' means", () => {
    const mean = whole.gradient.map((value) => value / samples);
    expect(largestDifference(one.gradient, mean)).toBeLessThan(1e-5);
    const lanes = [part(0, 5), part(5, 7)].map((lane) => computeLane(engine, [lane]));
    const meanOfMeans = mean.map((_, i) => {
      const [a, b] = lanes.map(({ gradient, samples: n }) => (gradient[i] as number) / n);
      return ((a as number) + (b as number)) / 2;
    });
    expect(largestDifference(meanOfMeans, mean)).toBeGreaterThan(1e-3);
  });

  it("have the loss that evaluation finds for them, class weights and regularisation included", () => {
    const { losses, regularisation } = engine.evaluate(batch.images, batch.labels);
    const weighted = losses.reduce(
      (sum, loss, i) => sum + loss * (spec.classWeights[batch.labels[i] ?? 0] ?? 1),
      0,
    );
    expect(regularisation).toBeGreaterThan(0);
    expect(whole.lossSum).toBeCloseTo(weighted + samples * regularisation, 3);
  });
});
