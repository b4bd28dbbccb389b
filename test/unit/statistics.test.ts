/**
 * Batch-norm statistics of a run: however the samples lie in lanes and micro-batches, and whichever worker
 * has which lane, the combined mean and variance are those of all samples together (TN5).
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ModelLayout } from "../../shared/layout.js";
import { RandomStream } from "../../shared/random.js";
import {
  advanceStatistics,
  combineStatistics,
  emptyStatistics,
  type LaneStatistics,
  publishStatistics,
  undoBesselCorrection,
} from "../../shared/statistics.js";
import { CoreDriver, tinySpec } from "../support/core-driver.js";

/** Two layers: 2 channels over 6 positions, 3 channels over one. */
const layout: ModelLayout = {
  parameters: [{ name: "dense_1/kernel", shape: [1], offset: 0, size: 1 }],
  parameterCount: 1,
  batchNorms: [
    { layer: "bn_1", channels: 2, momentum: 0.9, offset: 0, elementsPerSample: 6 },
    { layer: "bn_2", channels: 3, momentum: 0.5, offset: 4, elementsPerSample: 1 },
  ],
  statisticsCount: 10,
};

/** One sample's activations: per layer and channel, its positions' values. */
type Sample = readonly (readonly (readonly number[])[])[];

/** Dark, bright and anything between: means far apart, as TN5 asks for. */
function samplesOf(count: number, seed: number): Sample[] {
  const random = new RandomStream(seed, 4);
  return Array.from({ length: count }, (_, index) => {
    const centre = index % 2 === 0 ? -40 : 3 + random.nextBelow(50);
    return layout.batchNorms.map((slot) =>
      Array.from({ length: slot.channels }, (_, channel) =>
        Array.from(
          { length: slot.elementsPerSample },
          () => centre * (channel + 1) + random.nextBetween(-1, 1),
        ),
      ),
    );
  });
}

/** Mean and variance with `ddof` per channel, in plain float64, straight from the values. */
function plainStatistics(samples: readonly Sample[], ddof: 0 | 1): Float64Array {
  const result = new Float64Array(layout.statisticsCount);
  layout.batchNorms.forEach((slot, layer) => {
    for (let channel = 0; channel < slot.channels; channel += 1) {
      const values = samples.flatMap((sample) => sample[layer]?.[channel] ?? []);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      result[slot.offset + channel] = mean;
      result[slot.offset + slot.channels + channel] = squares / Math.max(1, values.length - ddof);
    }
  });
  return result;
}

/** What a lane reports: its samples as one micro-batch of TensorFlow's op, unbiased in float32, made biased. */
function laneStatistics(samples: readonly Sample[]): LaneStatistics {
  const op = Float32Array.from(plainStatistics(samples, 1));
  return { samples: samples.length, values: undoBesselCorrection(layout, op, samples.length) };
}

/** Consecutive pieces of these sizes; the rest in a last one. */
function pieces<T>(items: readonly T[], sizes: readonly number[]): T[][] {
  const rest = [...items];
  return [...sizes, items.length].map((size) => rest.splice(0, size)).filter((piece) => piece.length > 0);
}

function expectClose(actual: Float64Array | Float32Array, expected: Float64Array, tolerance: number): void {
  const scale = Math.max(1, ...expected.map(Math.abs));
  expect(actual.length).toBe(expected.length);
  actual.forEach((value, i) => {
    expect(Math.abs(value - (expected[i] as number))).toBeLessThanOrEqual(tolerance * scale);
  });
}

const split = fc.record({
  count: fc.integer({ min: 1, max: 24 }),
  seed: fc.nat(1_000),
  sizes: fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 6 }),
});

describe("a micro-batch's statistics", () => {
  it("are the op's with the Bessel correction undone, also for a single sample of one position", () => {
    for (const count of [1, 2, 7]) {
      const samples = samplesOf(count, count);
      const op = Float32Array.from(plainStatistics(samples, 1));
      expectClose(undoBesselCorrection(layout, op, count), plainStatistics(samples, 0), 1e-6);
    }
  });
});

describe("the statistics of a step", () => {
  it("are those of all its samples, however they lie in lanes", () => {
    fc.assert(
      fc.property(split, ({ count, seed, sizes }) => {
        const samples = samplesOf(count, seed);
        const lanes = pieces(samples, sizes).map(laneStatistics);
        expectClose(combineStatistics(layout, lanes), plainStatistics(samples, 0), 1e-6);
      }),
    );
  });

  it("combine in two levels, micro-batches to lanes and lanes to the step, to the same", () => {
    fc.assert(
      fc.property(split, ({ count, seed, sizes }) => {
        const samples = samplesOf(count, seed);
        const lanes = pieces(samples, sizes).map((lane) => ({
          samples: lane.length,
          values: combineStatistics(layout, pieces(lane, [2, 3]).map(laneStatistics)),
        }));
        expectClose(combineStatistics(layout, lanes), plainStatistics(samples, 0), 1e-6);
      }),
    );
  });
});

describe("moving statistics", () => {
  it("are S / (1 - beta^t) of S <- beta S + (1 - beta) x from zero, per layer with its own beta", () => {
    const batches = [1, 2, 3, 4, 5].map((seed) => plainStatistics(samplesOf(9, seed), 0));
    let moving = emptyStatistics(layout);
    for (const batch of batches) moving = advanceStatistics(layout, moving, batch);
    const expected = new Float64Array(layout.statisticsCount);
    for (const slot of layout.batchNorms) {
      for (let i = slot.offset; i < slot.offset + 2 * slot.channels; i += 1) {
        // The weighted mean that the recursion is, written out: (1 - b) sum b^(t - k) x_k / (1 - b^t).
        const weights = batches.map((_, k) => slot.momentum ** (batches.length - 1 - k));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        expected[i] =
          batches.reduce((sum, batch, k) => sum + (weights[k] as number) * (batch[i] as number), 0) / total;
      }
    }
    expectClose(publishStatistics(layout, moving), expected, 1e-6);
  });

  it("publish means 0 and variances 1 before the first step, and the first step's own after it", () => {
    const published = publishStatistics(layout, emptyStatistics(layout));
    expect([...published]).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 1, 1]);
    const batch = plainStatistics(samplesOf(5, 1), 0);
    const moving = advanceStatistics(layout, emptyStatistics(layout), batch);
    expectClose(publishStatistics(layout, moving), batch, 1e-6);
  });

  it("of a constant are that constant at every step: the zero start leaves no trace", () => {
    const batch = plainStatistics(samplesOf(5, 1), 0);
    let moving = emptyStatistics(layout);
    for (let step = 0; step < 300; step += 1) {
      moving = advanceStatistics(layout, moving, batch);
      expectClose(publishStatistics(layout, moving), batch, 1e-6);
    }
  });

  it("never change a state in place: an earlier checkpoint keeps its numbers", () => {
    const batch = plainStatistics(samplesOf(5, 1), 0);
    const first = advanceStatistics(layout, emptyStatistics(layout), batch);
    const before = publishStatistics(layout, first);
    advanceStatistics(layout, first, batch);
    expect(publishStatistics(layout, first)).toEqual(before);
  });
});

describe("the run's statistics", () => {
  /** One step with these workers; the lanes' records come in this order. */
  function afterOneStep(workers: readonly string[], order: readonly number[]) {
    const core = new CoreDriver(tinySpec());
    core.begins(...workers);
    const owner = new Map(
      Object.entries(core.assigned).flatMap(([worker, lanes]) =>
        lanes.map((lane) => [lane, worker] as const),
      ),
    );
    core.sliceWhole();
    for (const lane of order) {
      core.says(owner.get(lane) ?? "", {
        kind: "laneRecord",
        step: 0,
        lane,
        samples: 2,
        finite: true,
        lossSum: 0.1 * (lane + 1),
        correct: 1,
        statistics: new Uint8Array(Float64Array.of(0.1 + lane * 1e3, 1 / (lane + 3)).buffer),
        computeSeconds: 0.1,
        attempt: 0,
      });
    }
    core.committed();
    return { statistics: core.state.progress.statistics, totals: core.state.progress.totals };
  }

  it("and its loss have the same bits for any placement of lanes, in whatever order lanes arrive", () => {
    const alone = afterOneStep(["a"], [0, 1, 2, 3]);
    expect(alone.statistics.sums[0]).toBeCloseTo(0.1 * (0.1 + 1.5e3), 9);
    expect(afterOneStep(["a", "b"], [3, 1, 0, 2])).toEqual(alone);
    expect(afterOneStep(["b", "c", "a"], [2, 3, 1, 0])).toEqual(alone);
  });
});
