/**
 * A lane's local steps: plain SGD from the step's weights, as a plain reference does it; the lanes' mean, weighed by
 * samples; and nothing of a lane is left for the next one.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Engine, MicroBatch, MicroBatchResult } from "../../engine/engine.js";
import type { ModelLayout } from "../../shared/layout.js";
import type { LaneRule } from "../../worker/engine-calls.js";
import { lanesFor } from "../../worker/engine-host.js";

const size = 5;
const layout: ModelLayout = {
  parameters: [{ name: "dense_1/kernel", shape: [size], offset: 0, size }],
  parameterCount: size,
  batchNorms: [{ layer: "bn_1", channels: 1, momentum: 0.9, offset: 0, elementsPerSample: 2 }],
  statisticsCount: 2,
};

/** A sample x pulls parameter i to (x mod 7) + i, by a force that has an optimum: loss = sum_i log cosh(w_i - target). */
const target = (sample: number, i: number) => (sample % 7) / 3 + i / 10;
const pull = (weight: number, sample: number, i: number) => Math.tanh(weight - target(sample, i));

/** Its samples are the labels. The loss sum tells the weights that it was computed on. */
class PullingEngine implements Engine {
  readonly layout = layout;
  weights = new Float32Array(size);
  statistics = new Float32Array(2);
  /** Samples of each call. */
  readonly calls: number[][] = [];
  onCall: (call: number, result: MicroBatchResult) => MicroBatchResult = (_, result) => result;

  setWeights(parameters: Float32Array, statistics: Float32Array): void {
    this.weights = parameters.slice();
    this.statistics = statistics.slice();
  }

  gradients({ labels }: MicroBatch): MicroBatchResult {
    this.calls.push([...labels]);
    const gradient = new Float32Array(size);
    for (const sample of labels) {
      for (let i = 0; i < size; i += 1) {
        gradient[i] = (gradient[i] as number) + pull(this.weights[i] as number, sample, i);
      }
    }
    const lossSum = this.weights.reduce((sum, weight) => sum + weight, 0) * labels.length;
    const statistics = Float32Array.of(labels[0] ?? 0, 1);
    const result = { lossSum, correct: 1, samples: labels.length, gradient, statistics };
    return this.onCall(this.calls.length - 1, result);
  }

  initialise = () => new Float32Array(size);
  prepare = () => undefined;
  evaluate = () => ({ losses: new Float32Array(0), regularisation: 0, probabilities: new Float32Array(0) });
  predict = () => new Float32Array(0);
  tensorCount = () => 0;
  dispose = () => undefined;
}

const nothing = new Float32Array(0);
const batch = (samples: readonly number[]): MicroBatch => ({
  images: new Uint8Array(samples.length),
  labels: Int32Array.from(samples),
  transforms: nothing,
  brightness: nothing,
  channelShifts: nothing,
  dropoutSeed: [0, 0],
});

const start = Float32Array.of(0.3, -0.7, 1.9, 0, 12.5);
const statistics = Float32Array.of(0, 1);

function lanesOf(rule: LaneRule) {
  const engine = new PullingEngine();
  const lanes = lanesFor(engine, rule);
  lanes.setWeights(start, statistics);
  return {
    engine,
    compute: (...calls: readonly (readonly number[])[]) => lanes.compute(calls.map(batch)),
  };
}

const ruleOf = (count: number, learningRate: number, accumulation = 1): LaneRule => ({
  accumulation,
  localSteps: { count, learningRate },
});

/** Local SGD in float64, as the papers write it: w <- w - rate * mean gradient, one group of calls after another. */
function reference(calls: readonly (readonly number[])[], rate: number, accumulation: number): number[] {
  let weights = Array.from(start);
  for (let first = 0; first < calls.length; first += accumulation) {
    const samples = calls.slice(first, first + accumulation).flat();
    weights = weights.map((weight, i) => {
      const mean = samples.reduce((sum, sample) => sum + pull(weight, sample, i), 0) / samples.length;
      return weight - rate * mean;
    });
  }
  return weights;
}

const call = fc.array(fc.nat(100), { minLength: 1, maxLength: 6 });

describe("a lane's local steps", () => {
  it("are plain SGD on the mean gradient of each step's own samples, times its samples", () => {
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 12 }),
        fc.double({ min: 1e-3, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 4 }),
        (calls, rate, accumulation) => {
          const { engine, compute } = lanesOf(ruleOf(12, rate, accumulation));
          const outcome = compute(...calls);
          const n = calls.flat().length;
          expect(outcome).toMatchObject({ samples: n, correct: calls.length, finite: true });
          expect(engine.calls).toEqual(calls);
          reference(calls, rate, accumulation).forEach((end, i) => {
            const way = (outcome.gradient[i] as number) / n;
            expect(Math.abs(way - ((start[i] as number) - end))).toBeLessThan(1e-5);
          });
        },
      ),
    );
  });

  it("leave the step's weights in the engine, so that the next lane starts from them", () => {
    const { engine, compute } = lanesOf(ruleOf(3, 0.5));
    const first = compute([1], [2], [3]);
    expect(engine.weights).toEqual(start);
    expect(engine.statistics).toEqual(statistics);
    compute([9, 9], [8]);
    expect(compute([1], [2], [3])).toEqual(first);
  });

  it("leave them there even when a call fails", () => {
    const { engine, compute } = lanesOf(ruleOf(3, 0.5));
    engine.onCall = (at, result) => {
      if (at === 2) throw new Error("the engine failed");
      return result;
    };
    expect(() => compute([1], [2], [3])).toThrow("the engine failed");
    expect(engine.weights).toEqual(start);
  });

  it("start from a copy: the memory that the weights came in is used again", () => {
    const { engine, compute } = lanesOf(ruleOf(2, 0.5));
    const expected = compute([1], [2]);
    const lanes = lanesFor(engine, ruleOf(2, 0.5));
    const memory = start.slice();
    lanes.setWeights(memory, statistics);
    memory.fill(77);
    expect(lanes.compute([[1], [2]].map(batch))).toEqual(expected);
  });

  it("start from the newest weights", () => {
    const engine = new PullingEngine();
    const lanes = lanesFor(engine, ruleOf(2, 0.5));
    lanes.setWeights(new Float32Array(size), statistics);
    lanes.compute([batch([1]), batch([2])]);
    lanes.setWeights(start, statistics);
    expect(lanes.compute([batch([1]), batch([2])])).toEqual(lanesOf(ruleOf(2, 0.5)).compute([1], [2]));
  });

  it("report loss and correct count of their calls, each on its own weights", () => {
    const { compute } = lanesOf(ruleOf(2, 1));
    const after = reference([[3]], 1, 1);
    const sum = (weights: Iterable<number>) => [...weights].reduce((total, weight) => total + weight, 0);
    const { lossSum, correct } = compute([3], [4, 5]);
    expect(lossSum).toBeCloseTo(sum(start) + 2 * sum(after), 5);
    expect(correct).toBe(2);
  });

  it("weigh statistics by the samples of all their calls", () => {
    const outcome = lanesOf(ruleOf(2, 0.1, 2)).compute([4, 4], [1], [7]);
    expect(outcome.statistics[0]).toBeCloseTo((2 * 4 + 1 + 7) / 4, 10);
  });
});

describe("one local step", () => {
  it("is the gradient times the rate: divided by it, the gradient of the same calls to float32's tolerance", () => {
    fc.assert(
      fc.property(
        fc.array(call, { minLength: 1, maxLength: 4 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        (calls, rate) => {
          const way = lanesOf(ruleOf(1, rate, calls.length)).compute(...calls);
          const plain = lanesOf({ accumulation: calls.length, localSteps: null }).compute(...calls);
          const { samples } = plain;
          plain.gradient.forEach((sum, i) => {
            // The way is rounded where the weights are: half a unit in the last place of 12.5.
            const tolerance = (samples / rate) * 2 ** -20 + 1e-5 * Math.abs(sum);
            expect(Math.abs((way.gradient[i] as number) / rate - sum)).toBeLessThan(tolerance);
          });
          expect({ ...way, gradient: null }).toEqual({ ...plain, gradient: null });
        },
      ),
    );
  });

  it("never sets the engine's weights", () => {
    const { engine, compute } = lanesOf(ruleOf(1, 0.5, 3));
    engine.setWeights = () => {
      throw new Error("set");
    };
    expect(compute([1], [2], [3]).samples).toBe(3);
  });
});

describe("lanes of different sizes", () => {
  it("count by their samples: the root over all samples is the weighted mean of their ways", () => {
    const [long, short] = [
      [[1, 2], [3, 4], [5]],
      [[6, 7], [8]],
    ] as const;
    const { compute } = lanesOf(ruleOf(3, 0.3));
    const [a, b] = [compute(...long), compute(...short)];
    const [endA, endB] = [reference(long, 0.3, 1), reference(short, 0.3, 1)];
    start.forEach((begin, i) => {
      const mean = ((a.gradient[i] as number) + (b.gradient[i] as number)) / (a.samples + b.samples);
      const wanted = (5 * (begin - (endA[i] as number)) + 3 * (begin - (endB[i] as number))) / 8;
      expect(Math.abs(mean - wanted)).toBeLessThan(1e-5);
    });
  });
});

describe("a lane is not finite", () => {
  const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  it.each(bad)("when %d is in the gradient of any local step, and its weights are put back", (value) => {
    for (const step of [0, 1, 2]) {
      const { engine, compute } = lanesOf(ruleOf(3, 1e-30));
      engine.onCall = (at, result) => {
        if (at === step) result.gradient[4] = value;
        return result;
      };
      expect(compute([1], [2], [3]).finite).toBe(false);
      expect(engine.weights).toEqual(start);
      engine.onCall = (_, result) => result;
      expect(compute([1], [2], [3]).finite).toBe(true);
    }
  });

  it("when a loss or a statistic of any call is not", () => {
    for (const change of [{ lossSum: Number.NaN }, { statistics: Float32Array.of(0, Number.NaN) }]) {
      const { engine, compute } = lanesOf(ruleOf(3, 0.1));
      engine.onCall = (at, result) => (at === 1 ? { ...result, ...change } : result);
      expect(compute([1], [2], [3]).finite).toBe(false);
    }
  });

  it("when its way overflows", () => {
    const { engine, compute } = lanesOf(ruleOf(2, 1));
    engine.onCall = (_, result) => ({ ...result, gradient: result.gradient.map(() => 3e38) });
    expect(compute([1], [2]).finite).toBe(false);
  });

  it("without samples it is a broken invariant, as without weights", () => {
    expect(() => lanesOf(ruleOf(2, 1)).compute()).toThrow("without samples");
    expect(() => lanesFor(new PullingEngine(), ruleOf(2, 1)).compute([batch([1])])).toThrow(
      "weights are set before",
    );
  });
});

describe("a lane for which nobody waits any more", () => {
  it.each([
    ["of local steps", ruleOf(3, 0.5, 2)],
    ["of calls to a gradient", { accumulation: 6, localSteps: null }],
  ])("%s ends before its next call, and the step's weights are there", (_, rule) => {
    const engine = new PullingEngine();
    const lanes = lanesFor(engine, rule);
    lanes.setWeights(start, statistics);
    const over = new Int32Array(1);
    engine.onCall = (at, result) => {
      if (at === 3) over[0] = 1;
      return result;
    };
    const calls = [1, 2, 3, 4, 5, 6].map((sample) => batch([sample]));
    expect(() => lanes.compute(calls, over)).toThrow(expect.objectContaining({ code: "INTERRUPTED" }));
    expect(engine.calls).toHaveLength(4);
    expect(engine.weights).toEqual(start);
  });
});

describe("accumulation without local steps", () => {
  it("is the plain sum of the calls' gradients, in order, to the bit", () => {
    fc.assert(
      fc.property(fc.array(call, { minLength: 1, maxLength: 8 }), (calls) => {
        const { compute } = lanesOf({ accumulation: calls.length, localSteps: null });
        const parts = calls.map((one) => lanesOf({ accumulation: 1, localSteps: null }).compute(one));
        const sum = new Float32Array(size);
        for (const { gradient } of parts) {
          for (let i = 0; i < size; i += 1) {
            sum[i] = Math.fround((sum[i] as number) + (gradient[i] as number));
          }
        }
        expect(compute(...calls).gradient).toEqual(sum);
      }),
    );
  });
});
