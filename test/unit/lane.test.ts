/** A lane's sums over its micro-batches, and that nothing which is not finite leaves it unmarked (TN6). */
import { describe, expect, it } from "vitest";
import type { Engine, MicroBatch, MicroBatchResult } from "../../engine/engine.js";
import type { ModelLayout } from "../../shared/layout.js";
import { computeLane } from "../../worker/lane.js";

const layout: ModelLayout = {
  parameters: [{ name: "dense_1/kernel", shape: [3], offset: 0, size: 3 }],
  parameterCount: 3,
  batchNorms: [{ layer: "bn_1", channels: 1, momentum: 0.9, offset: 0, elementsPerSample: 2 }],
  statisticsCount: 2,
};

/** An engine that returns these results, one a call. */
function engineOf(...results: readonly MicroBatchResult[]): { engine: Engine; batches: MicroBatch[] } {
  const unused = () => {
    throw new Error("not part of a lane");
  };
  const calls = [...results];
  const engine: Engine = {
    layout,
    gradients: () => calls.shift() as MicroBatchResult,
    initialise: unused,
    prepare: unused,
    setWeights: unused,
    evaluate: unused,
    predict: unused,
    tensorCount: unused,
    dispose: unused,
  };
  const nothing = new Float32Array(0);
  const batches = results.map(
    ({ samples }): MicroBatch => ({
      images: new Uint8Array(samples),
      labels: new Int32Array(samples),
      transforms: nothing,
      brightness: nothing,
      channelShifts: nothing,
      dropoutSeed: [0, 0],
    }),
  );
  return { engine, batches };
}

/** A micro-batch over 2 n positions with this mean and biased variance, as the op returns it. */
const result = (
  change: Partial<MicroBatchResult> & { mean?: number; variance?: number } = {},
): MicroBatchResult => {
  const { samples = 2, mean = 0, variance = 1, ...rest } = change;
  const bessel = (2 * samples) / (2 * samples - 1);
  return {
    samples,
    lossSum: 1,
    correct: 1,
    gradient: Float32Array.of(1, 2, 3),
    statistics: Float32Array.of(mean, variance * bessel),
    ...rest,
  };
};
const run = (...results: readonly MicroBatchResult[]) => {
  const { engine, batches } = engineOf(...results);
  return computeLane(engine, batches);
};

describe("a lane", () => {
  it("sums gradients, losses and counts over its calls, and weighs statistics by their samples", () => {
    const outcome = run(
      result({ samples: 3, lossSum: 1.5, correct: 2, mean: 10, variance: 4 }),
      result({ samples: 1, lossSum: 0.25, correct: 1, mean: 2, gradient: Float32Array.of(0.5, -2, 1e-3) }),
    );
    expect(outcome).toMatchObject({ samples: 4, lossSum: 1.75, correct: 3, finite: true });
    expect(outcome.gradient).toEqual(Float32Array.of(1.5, 0, Math.fround(3 + Math.fround(1e-3))));
    // mean (3 * 10 + 2) / 4 = 8; variance (3 (4 + 2^2) + (1 + 6^2)) / 4.
    expect(outcome.statistics[0]).toBeCloseTo(8, 6);
    expect(outcome.statistics[1]).toBeCloseTo((3 * (4 + 4) + (1 + 36)) / 4, 5);
  });

  it("of one call is that call's result, the variance made biased", () => {
    const outcome = run(result({ mean: 0.5, variance: 2 }));
    expect(outcome.gradient).toEqual(Float32Array.of(1, 2, 3));
    expect(outcome.statistics[1]).toBeCloseTo(2, 6);
  });

  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  it.each(bad)("with %d in any place of any call is not finite", (value) => {
    for (const at of [0, 1, 2]) {
      const gradient = Float32Array.of(1, 2, 3);
      gradient[at] = value;
      expect(run(result({ gradient })).finite).toBe(false);
      expect(run(result(), result({ gradient: gradient.slice() })).finite).toBe(false);
    }
    expect(run(result({ lossSum: value })).finite).toBe(false);
    expect(run(result({ mean: value })).finite).toBe(false);
    expect(run(result(), result({ statistics: Float32Array.of(0, value) })).finite).toBe(false);
  });

  it("whose finite calls overflow in their sum is not finite; opposite infinities don't cancel", () => {
    const huge = () => result({ gradient: Float32Array.of(3e38, 0, 0) });
    expect(run(huge()).finite).toBe(true);
    expect(run(huge(), huge()).finite).toBe(false);
    const [plus, minus] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(run(result({ gradient: Float32Array.of(plus, minus, 0) })).finite).toBe(false);
  });

  it("without samples is a broken invariant", () => {
    expect(() => run()).toThrow("without samples");
  });
});
