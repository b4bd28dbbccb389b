/** Order of an epoch: every sample exactly once over all lanes, another permutation each epoch, nothing else counts. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { laneOf, laneRange } from "../../dataset/lane-samples.js";
import {
  laneEpochOrder,
  microBatches,
  stepSamples,
  stepSamplesWithout,
  stepShares,
  stepsPerEpoch,
} from "../../dataset/sample-order.js";
import { newestDraws } from "../../shared/random.js";

const shardSizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 12 });
const plan = fc.record({
  sizes: shardSizes,
  lanes: fc.integer({ min: 1, max: 9 }),
  shuffleShards: fc.integer({ min: 1, max: 5 }),
  seed: fc.nat(0xffffffff),
  epoch: fc.integer({ min: 0, max: 50 }),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

const splitOf = (sizes: readonly number[]) => ({
  samples: sizes.reduce((sum, size) => sum + size, 0),
  shards: sizes.map((length) => ({ samples: { length } })),
});

function epochOrders({ sizes, lanes, shuffleShards, seed, epoch }: Plan): Uint32Array[] {
  return Array.from({ length: lanes }, (_, lane) =>
    laneEpochOrder({
      draws: newestDraws,
      seed,
      epoch,
      lane,
      lanes,
      split: splitOf(sizes),
      shuffleShards,
    }),
  );
}

describe("lanes", () => {
  it("cover every sample once, in order, and differ by at most one sample", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4096 }),
        fc.integer({ min: 0, max: 10_000_000 }),
        (lanes, samples) => {
          const ranges = Array.from({ length: lanes }, (_, lane) => laneRange(lane, lanes, samples));
          expect(ranges.map(({ begin }) => begin)).toEqual([0, ...ranges.slice(0, -1).map(({ end }) => end)]);
          expect(ranges.at(-1)?.end).toBe(samples);
          const sizes = new Set(ranges.map(({ begin, end }) => end - begin));
          const fair = [Math.floor(samples / lanes), Math.ceil(samples / lanes)];
          expect(fair).toEqual(expect.arrayContaining([...sizes]));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("the lane of a sample", () => {
  it("is the one whose range holds it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 300 }), (lanes, samples) => {
        for (let lane = 0; lane < lanes; lane += 1) {
          const { begin, end } = laneRange(lane, lanes, samples);
          for (let sample = begin; sample < end; sample += 1) {
            expect(laneOf(sample, lanes, samples)).toBe(lane);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe("the order of an epoch", () => {
  it("visits every sample exactly once over all lanes, each in its own lane", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const { samples } = splitOf(given.sizes);
        const orders = epochOrders(given);
        const seen = orders.flatMap((order) => [...order]).sort((a, b) => a - b);
        expect(seen).toEqual(Array.from({ length: samples }, (_, index) => index));
        orders.forEach((order, lane) => {
          const { begin, end } = laneRange(lane, given.lanes, samples);
          expect(order.every((sample) => sample >= begin && sample < end)).toBe(true);
        });
      }),
    );
  });

  it("depends on seed, epoch, lane and shards only: asking again gives the same", () => {
    fc.assert(
      fc.property(plan, (given) => {
        expect(epochOrders(given)).toEqual(epochOrders(given));
      }),
    );
  });

  it("is another permutation in each epoch, and for each seed", () => {
    const given = { sizes: [30, 30, 30, 10], lanes: 2, shuffleShards: 2, seed: 7, epoch: 0 };
    const text = (plan: Plan) =>
      epochOrders(plan)
        .map((order) => order.join())
        .join("|");
    const orders = new Set(Array.from({ length: 20 }, (_, epoch) => text({ ...given, epoch })));
    orders.add(text({ ...given, seed: 8 }));
    expect(orders.size).toBe(21);
  });

  it("keeps at most shuffleShards shards open: a group ends before the next begins", () => {
    const sizes = [10, 10, 10, 10, 10, 10];
    const [order] = epochOrders({ sizes, lanes: 1, shuffleShards: 2, seed: 3, epoch: 1 });
    for (let group = 0; group < 3; group += 1) {
      const shards = new Set(
        [...(order ?? [])].slice(group * 20, group * 20 + 20).map((sample) => Math.floor(sample / 10)),
      );
      expect(shards.size).toBe(2);
    }
  });
});

describe("steps", () => {
  it("cover the epoch: full ones, then fewer only in the last, and micro-batches lose nothing", () => {
    fc.assert(
      fc.property(
        plan,
        fc.integer({ min: 1, max: 17 }),
        fc.integer({ min: 1, max: 5 }),
        (given, perLane, micro) => {
          const steps = stepsPerEpoch(splitOf(given.sizes).samples, given.lanes, perLane);
          for (const order of epochOrders(given)) {
            const taken: number[] = [];
            for (let step = 0; step < steps; step += 1) {
              const samples = stepSamples(order, step, perLane);
              if (step < steps - 1) expect(samples.length).toBe(perLane);
              expect(microBatches(samples, micro).flatMap((batch) => [...batch])).toEqual([...samples]);
              taken.push(...samples);
            }
            expect(taken).toEqual([...order]);
          }
        },
      ),
    );
  });
});

describe("excluded samples", () => {
  it("are missing from their own step only: order and steps of the other samples stay, and the shares count those", () => {
    fc.assert(
      fc.property(
        plan,
        fc.integer({ min: 1, max: 17 }),
        fc.array(fc.nat(10_000), { maxLength: 30 }),
        (given, perLane, drawn) => {
          const { samples } = splitOf(given.sizes);
          const excluded = new Set(drawn.map((sample) => sample % samples));
          const orders = epochOrders(given);
          const steps = stepsPerEpoch(samples, given.lanes, perLane);
          for (let stepInEpoch = 0; stepInEpoch < steps; stepInEpoch += 1) {
            const shares = stepShares({
              lanes: given.lanes,
              samples,
              samplesPerLane: perLane,
              stepInEpoch,
              excluded,
              orderOf: (lane) => orders[lane] as Uint32Array,
            });
            orders.forEach((order, lane) => {
              const rest = stepSamplesWithout(order, stepInEpoch, perLane, excluded);
              const whole = [...stepSamples(order, stepInEpoch, perLane)];
              expect([...rest]).toEqual(whole.filter((sample) => !excluded.has(sample)));
              expect(shares[lane]).toBe(rest.length);
            });
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it("can empty a lane's step, which is then absent", () => {
    const order = Uint32Array.of(3, 1, 0, 2);
    const excluded = new Set([0, 2]);
    expect([...stepSamplesWithout(order, 1, 2, excluded)]).toEqual([]);
    const step = { lanes: 1, samples: 4, samplesPerLane: 2, excluded, orderOf: () => order };
    expect(stepShares({ ...step, stepInEpoch: 0 })).toEqual([2]);
    expect(stepShares({ ...step, stepInEpoch: 1 })).toEqual([0]);
  });
});
