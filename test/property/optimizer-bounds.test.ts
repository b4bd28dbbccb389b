/**
 * An update that the bound allows can't leave float32: for any magnitudes, Adam and SGD keep weights and moments
 * finite. Any number of slices says the same, and usual magnitudes are always allowed.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StepMagnitudes } from "../../coordinator/optimizers/optimizer.js";
import {
  applyOptimizerStep,
  initialOptimizer,
  momentVectorsOf,
  nextOptimizerStep,
  type OptimizerStep,
  staysFinite,
} from "../../coordinator/optimizers/registry.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { cutSlices } from "../../coordinator/reducers/slices.js";
import { normBlock } from "../../shared/kernels/kernels.js";
import { SimdVectors } from "../../shared/kernels/simd.js";
import { RandomStream } from "../../shared/random.js";
import type { OptimizerSpec } from "../../shared/spec.js";
import { adamSpec, optimizerSpecs } from "../support/optimizers.js";
import { ownedBy } from "../support/slice-vectors.js";

const length = 24;
const powerOf10 = (min: number, max: number) => fc.integer({ min, max });

const start = fc.record({
  optimizer: fc.constantFrom(...optimizerSpecs),
  seed: fc.nat(0xffffff),
  /** Largest powers of ten of root, weights and moments. */
  powers: fc.tuple(powerOf10(-40, 39), powerOf10(-40, 39), powerOf10(-40, 39), powerOf10(-40, 39)),
  learningRate: powerOf10(-9, 39),
  divisor: powerOf10(0, 39),
  epsilon: powerOf10(-46, 0),
  count: fc.nat(50),
});
type Start = typeof start extends fc.Arbitrary<infer T> ? T : never;

/** Both signs, and sizes up to the given power. `isPositive`: for Adam's v. */
function vectorOf(random: RandomStream, power: number, isPositive = false): Float32Array {
  return new Float32Array(length).map(() => {
    const value = random.nextBetween(-1, 1) * 10 ** (power - random.nextBelow(4));
    const kept = Number.isFinite(Math.fround(value)) ? value : Math.sign(value) * 3.4028234663852886e38;
    return isPositive ? Math.abs(kept) : kept;
  });
}

function stepOf({ optimizer, learningRate, divisor, epsilon, count }: Start): OptimizerStep {
  const spec: OptimizerSpec =
    optimizer.name === "adam" ? { ...optimizer, epsilon: 10 ** epsilon } : optimizer;
  let state = initialOptimizer(spec);
  const given = { learningRate: 10 ** learningRate, divisor: 10 ** divisor };
  for (let step = 0; step < count; step += 1) state = nextOptimizerStep(spec, state, given).state;
  return nextOptimizerStep(spec, state, given).step;
}

const largestOf = (vector: Float32Array) => Math.max(...vector.map(Math.abs));

describe("an update that the bound allows", () => {
  it("leaves weights and moments finite, whatever the magnitudes", () => {
    const seen = { allowed: 0, refused: 0, needed: 0 };
    const simd = new SimdVectors(length);
    fc.assert(
      fc.property(start, (given) => {
        const random = new RandomStream(given.seed);
        const vector = (index: number, isPositive = false) => {
          const own = simd.allocate();
          own.set(vectorOf(random, given.powers[index] ?? 0, isPositive));
          return own;
        };
        const [root, weights] = [vector(0), vector(1)];
        const isAdam = given.optimizer.name === "adam";
        const moments = momentVectorsOf(given.optimizer).map((_, index) =>
          vector(2 + index, isAdam && index === 1),
        );
        const largest: StepMagnitudes = {
          root: largestOf(root),
          weights: largestOf(weights),
          moments: moments.map(largestOf),
        };
        const step = stepOf(given);
        const isAllowed = staysFinite(step, largest);
        applyOptimizerStep(simd.kernels, { weights, moments }, root, step);
        const isWhole = [weights, ...moments].every((values) => values.every(Number.isFinite));
        seen[isAllowed ? "allowed" : "refused"] += 1;
        seen.needed += isWhole ? 0 : 1;
        if (isAllowed) expect(isWhole).toBe(true);
        for (const used of [root, weights, ...moments]) simd.release(used);
      }),
      { numRuns: 2_000 },
    );
    // The draws reach both sides, and updates that would have been spoilt.
    for (const [what, times] of Object.entries(seen)) expect(times, what).toBeGreaterThan(150);
  });

  it.each(optimizerSpecs.map((spec) => [JSON.stringify(spec), spec] as const))(
    "is every update of usual size: %s",
    (_, spec) => {
      const moments = momentVectorsOf(spec).map(() => 1e12);
      const given = { learningRate: 10, divisor: 1 };
      const { step } = nextOptimizerStep(spec, initialOptimizer(spec), given);
      expect(staysFinite(step, { root: 1e12, weights: 1e12, moments })).toBe(true);
    },
  );

  it("is none from vectors that are not finite, nor with an epsilon that is 0 as float32", () => {
    const { step } = nextOptimizerStep(adamSpec, initialOptimizer(adamSpec), {
      learningRate: 1e-3,
      divisor: 8,
    });
    const good = { root: 1, weights: 1, moments: [1, 1] };
    expect(staysFinite(step, good)).toBe(true);
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      for (const part of [{ root: bad }, { weights: bad }, { moments: [bad, 1] }, { moments: [1, bad] }])
        expect(staysFinite(step, { ...good, ...part })).toBe(false);
    }
    const withoutEpsilon = nextOptimizerStep({ ...adamSpec, epsilon: 1e-50 }, initialOptimizer(adamSpec), {
      learningRate: 1e-3,
      divisor: 8,
    });
    expect(staysFinite(withoutEpsilon.step, good)).toBe(false);
    expect(staysFinite({ ...step, divisor: 1e39 }, good)).toBe(false);
  });
});

describe("slices in any number", () => {
  /** What each step of a run came to; a lane's gradient has a flipped exponent bit now and then. */
  function decisionsOf(seed: number, spec: OptimizerSpec, reducers: number): boolean[] {
    const count = 6 * normBlock + 11;
    const momentVectors = momentVectorsOf(spec).length;
    const slices = cutSlices(count, reducers).map(
      (range) => new ReducedSlice(range, { lanes: 1, momentVectors }),
    );
    const part = ({ range }: ReducedSlice, values: Float32Array) => values.subarray(range.begin, range.end);
    for (const slice of slices) slice.load(ownedBy(slice, part(slice, new Float32Array(count).fill(0.1))));
    let state = initialOptimizer(spec);
    return Array.from({ length: 4 }, (_, step) => {
      const random = new RandomStream(seed, step);
      const gradient = new Float32Array(count).map((_, index) => (index % 7) * 1e-3 - 3e-3);
      flipBit(gradient, random.nextBelow(count), 28 + random.nextBelow(3));
      const node = { begin: 0, end: 1 };
      const reports = slices.map((slice) => {
        slice.begin({ step, attempt: 0, present: [0], banned: [] });
        const claim = { step, attempt: 0, node, kind: "GRADIENT", worker: "w" } as const;
        return slice.take(claim, ownedBy(slice, part(slice, gradient))).report?.largest as StepMagnitudes;
      });
      const largest: StepMagnitudes = {
        root: Math.max(...reports.map(({ root }) => root)),
        weights: Math.max(...reports.map(({ weights }) => weights)),
        moments: Array.from({ length: momentVectors }, (_, index) =>
          Math.max(...reports.map(({ moments }) => moments[index] as number)),
        ),
      };
      const next = nextOptimizerStep(spec, state, { learningRate: 1e4, divisor: 1 });
      const isAllowed = staysFinite(next.step, largest);
      for (const slice of slices) isAllowed ? slice.apply(next.step) : slice.skip();
      if (isAllowed) state = next.state;
      return isAllowed;
    });
  }

  function flipBit(values: Float32Array, index: number, bit: number): void {
    const words = new Uint32Array(values.buffer);
    words[index] = ((words[index] as number) ^ (1 << bit)) >>> 0;
  }

  it("1, 2, 3 and 7, skip the same steps when an exponent bit of a gradient is flipped", () => {
    const seen = { applied: 0, skipped: 0 };
    fc.assert(
      fc.property(fc.nat(0xffff), fc.constantFrom(...optimizerSpecs), (seed, spec) => {
        const whole = decisionsOf(seed, spec, 1);
        for (const reducers of [2, 3, 7]) expect(decisionsOf(seed, spec, reducers)).toEqual(whole);
        for (const isAllowed of whole) seen[isAllowed ? "applied" : "skipped"] += 1;
      }),
      { numRuns: 8 },
    );
    expect(Math.min(seen.applied, seen.skipped), JSON.stringify(seen)).toBeGreaterThan(1);
  });
});
