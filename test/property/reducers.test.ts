/**
 * R never changes a bit: with 1, 2, 3 or 7 slices, fed by any split of the lanes over workers, several
 * steps of any optimizer give the same weights, moments, gradient norm and joined checksum.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { divisorOf } from "../../coordinator/optimizers/gradient-divisor.js";
import {
  initialOptimizer,
  momentVectorsOf,
  nextOptimizerStep,
} from "../../coordinator/optimizers/registry.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { checkSlicesFit, cutSlices, joinChecksums } from "../../coordinator/reducers/slices.js";
import { crc32c } from "../../shared/crc32c.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import { normBlock } from "../../shared/kernels/kernels.js";
import { limits } from "../../shared/limits.js";
import { RandomStream } from "../../shared/random.js";
import { lanesBelow, nodesToSend } from "../../shared/tree.js";
import { arithmeticOf, TreeSum } from "../../shared/tree-sum.js";
import { adamSpec, firstStep, optimizerSpecs } from "../support/optimizers.js";
import { ownedBy, vectorsOf } from "../support/slice-vectors.js";

/** Near the norms of the gradients below, so that some are clipped. */
const clipNorm = 20_000;
const steps = 4;

const plan = fc.record({
  lanes: fc.integer({ min: 1, max: 9 }),
  optimizer: fc.constantFrom(...optimizerSpecs),
  seed: fc.nat(0xffff),
  wire: fc.constantFrom("float32" as const, "bfloat16" as const),
  parameterCount: fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 4 * normBlock, max: 9 * normBlock }),
    fc.constantFrom(normBlock - 1, normBlock, normBlock + 1, 7 * normBlock, 8 * normBlock + 1),
  ),
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

/** A lane's gradient of a step: the same on any worker. */
function gradient({ seed, parameterCount }: Plan, step: number, lane: number): Float32Array {
  const random = new RandomStream(seed, step, lane);
  return new Float32Array(parameterCount).map(() => random.nextBetween(-1, 1) * 10 ** random.nextBelow(5));
}

interface Outcome {
  /** The weights and each moment. */
  readonly vectors: readonly Uint8Array[];
  readonly norms: readonly number[];
  readonly checksums: readonly number[];
}

/** Steps whose gradient was clipped, and the others. */
const seen = { clipped: 0, whole: 0 };

/** The run with `reducers` slices and lanes dealt over `workers` as the seed has it. */
function train(given: Plan, reducers: number, workers: number): Outcome {
  const { lanes, seed, parameterCount, wire } = given;
  const optimizer = { ...given.optimizer, clipNorm };
  const momentVectors = momentVectorsOf(optimizer).length;
  const ranges = cutSlices(parameterCount, reducers);
  const slices = ranges.map((range) => new ReducedSlice(range, { lanes, momentVectors, wire }));
  const initial = gradient(given, 99, 0);
  for (const slice of slices)
    slice.load(ownedBy(slice, initial.subarray(slice.range.begin, slice.range.end)));
  const deal = new RandomStream(seed, workers);
  const [norms, checksums]: [number[], number[]] = [[], []];
  let state = initialOptimizer(optimizer);
  for (let step = 0; step < steps; step += 1) {
    const present = new Set(
      Array.from({ length: lanes }, (_, lane) => lane).filter((lane) => lane % 5 !== step),
    );
    if (present.size === 0) present.add(0);
    const owner = Array.from({ length: lanes }, () => deal.nextBelow(workers));
    for (const slice of slices) slice.begin({ step, attempt: 0, present: [...present], banned: [] });
    const blockSums: number[] = [];
    const parts = Array.from({ length: workers }, (_, worker) => worker).flatMap((worker) => {
      const owned = new Set([...present].filter((lane) => owner[lane] === worker));
      return nodesToSend(owned, present, lanes);
    });
    deal.shuffle(parts);
    for (const slice of slices) {
      for (const node of parts) {
        const sum = new TreeSum(lanes, present, arithmeticOf(wire));
        for (const lane of lanesBelow(node, present)) {
          sum.add({ begin: lane, end: lane + 1 }, gradient(given, step, lane));
        }
        const [whole] = sum.parts;
        const values = ownedBy(
          slice,
          (whole?.sum ?? new Float32Array()).subarray(slice.range.begin, slice.range.end),
        );
        const { report } = slice.take({ step, attempt: 0, node, kind: "GRADIENT", worker: "w" }, values);
        if (report === null) continue;
        expect(report.largest.root).toBeLessThan(Number.POSITIVE_INFINITY);
        blockSums.push(...report.blockSums);
      }
    }
    const norm = Math.sqrt(blockSums.reduce((sum, block) => sum + block, 0));
    norms.push(norm);
    const divisor = divisorOf(optimizer, 3 + step, norm / (3 + step));
    seen[divisor > 3 + step ? "clipped" : "whole"] += 1;
    const next = nextOptimizerStep(optimizer, state, { learningRate: 0.01, divisor });
    state = next.state;
    checksums.push(
      joinChecksums(
        slices.map((slice) => slice.apply(next.step).crc32c),
        slices.map((slice) => slice.length),
      ),
    );
  }
  const snapshots = slices.map(vectorsOf);
  const vectors = Array.from({ length: 1 + momentVectors }, (_, index) =>
    Buffer.concat(
      snapshots.map(({ weights, moments }) => bytesOf([weights, ...moments][index] as Float32Array)),
    ),
  );
  return { vectors, norms, checksums };
}

const first = { step: 0, attempt: 0, present: [0], banned: [] };
const onlyLane = { step: 0, attempt: 0, node: { begin: 0, end: 1 }, kind: "GRADIENT", worker: "w" } as const;

describe("slices", () => {
  it("cover the vector in order, begin on the norm's blocks, and are near equal; fewer when there are few blocks", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40_000_000 }),
        fc.integer({ min: 1, max: 64 }),
        (count, reducers) => {
          const ranges = cutSlices(count, reducers);
          expect(ranges).toHaveLength(Math.min(reducers, Math.ceil(count / normBlock)));
          let end = 0;
          for (const range of ranges) {
            expect(range.begin).toBe(end);
            expect(range.begin % normBlock).toBe(0);
            expect(range.end).toBeGreaterThan(range.begin);
            end = range.end;
          }
          expect(end).toBe(count);
          const sizes = ranges.map((range) => range.end - range.begin);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThan(2 * normBlock);
        },
      ),
    );
  });

  it("that would not fit into a memory of 4 GiB each are refused with the number that would", () => {
    const load = { lanes: 4, momentVectors: 2, audit: 0 };
    expect(() => checkSlicesFit(85_000_000, 1, load)).not.toThrow();
    expect(() => checkSlicesFit(85_000_000, 1, { ...load, lanes: 8 })).toThrow(
      "85000000 parameters in 8 lanes don't fit into the memory of one reducer; give the coordinator --reducers 2",
    );
    expect(() => checkSlicesFit(1_000_000_000, 9, load)).toThrow(
      "of 9 reducers; give the coordinator --reducers 12",
    );
    expect(() => checkSlicesFit(1_000_000_000, 12, load)).not.toThrow();
  });

  it("have room for more lanes with an optimizer of fewer vectors", () => {
    const load = { lanes: 32, audit: 0 };
    expect(() => checkSlicesFit(80_000_000, 1, { ...load, momentVectors: 0 })).not.toThrow();
    expect(() => checkSlicesFit(80_000_000, 1, { ...load, momentVectors: 1 })).toThrow("--reducers 2");
  });

  it("have room for every version that is sent at once, and for what audits compare", () => {
    const load = { lanes: 1, momentVectors: 0, audit: 0 };
    const vectors = (audit: number) => {
      const held = (length: number) => Math.floor(2 ** 30 / length);
      const fits = (length: number) => {
        try {
          checkSlicesFit(length, 1, { ...load, audit });
          return true;
        } catch {
          return false;
        }
      };
      let [fit, tooLong] = [1_000_000, 1_000_000_000];
      while (tooLong - fit > normBlock) {
        const middle = Math.floor((fit + tooLong) / 2);
        if (fits(middle)) fit = middle;
        else tooLong = middle;
      }
      return held(fit);
    };
    const withoutVersions = 3;
    expect(vectors(0)).toBe(withoutVersions + limits.versionsMin + 1);
    expect(vectors(1)).toBe(vectors(0) + 3);
  });

  it("in any number, fed by any number of workers, train to the same bits, norms and checksums", () => {
    fc.assert(
      fc.property(plan, (given) => {
        const whole = train(given, 1, 1);
        expect(whole.checksums.at(-1)).toBe(crc32c(whole.vectors[0] as Uint8Array));
        for (const [reducers, workers] of [
          [2, 3],
          [3, 1],
          [7, 4],
        ] as const) {
          const parts = train(given, reducers, workers);
          expect(parts.norms).toEqual(whole.norms);
          expect(parts.checksums).toEqual(whole.checksums);
          expect(parts.vectors.length).toBe(whole.vectors.length);
          for (const [index, vector] of parts.vectors.entries()) {
            expect(Buffer.compare(vector, whole.vectors[index] as Uint8Array)).toBe(0);
          }
        }
      }),
      { numRuns: 20 },
    );
    expect(Math.min(seen.clipped, seen.whole)).toBeGreaterThan(10);
  });

  it("skip a step without touching weights or moments, and give it the next number", () => {
    const slice = new ReducedSlice({ slice: 0, begin: 0, end: 3 }, { lanes: 1, momentVectors: 2 });
    slice.load(ownedBy(slice, Float32Array.of(1, 2, 3)));
    slice.begin(first);
    slice.take(onlyLane, ownedBy(slice, Float32Array.of(1, Number.NaN, 1)));
    const skipped = slice.skip();
    expect(skipped.step).toBe(1);
    expect(vectorsOf(slice)).toEqual({
      weights: Float32Array.of(1, 2, 3),
      moments: [new Float32Array(3), new Float32Array(3)],
    });
  });

  it("never change the checksum of a version that was handed out", () => {
    const slice = new ReducedSlice({ slice: 0, begin: 0, end: 2 }, { lanes: 1, momentVectors: 2 });
    slice.load(ownedBy(slice, Float32Array.of(1, 2)));
    const handedOut = slice.version;
    slice.begin(first);
    slice.take(onlyLane, ownedBy(slice, Float32Array.of(5, -5)));
    slice.apply(firstStep(adamSpec, 1));
    expect(handedOut).toMatchObject({ step: 0, crc32c: crc32c(bytesOf(Float32Array.of(1, 2))) });
    expect(slice.version?.crc32c).not.toBe(handedOut?.crc32c);
  });
});

describe("a slice's report", () => {
  it("says when any element is not finite, also where a sum could hide it", () => {
    const largest = (values: Float32Array) => {
      const slice = new ReducedSlice(
        { slice: 0, begin: 0, end: values.length },
        { lanes: 1, momentVectors: 2 },
      );
      slice.begin(first);
      return slice.take(onlyLane, ownedBy(slice, values)).report?.largest.root;
    };
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      for (const at of [0, normBlock - 1, normBlock, 2 * normBlock]) {
        const values = new Float32Array(2 * normBlock + 1);
        values[at] = bad;
        expect(Number.isFinite(largest(values))).toBe(false);
      }
    }
    expect(largest(new Float32Array(normBlock + 5).fill(-3.4e38))).toBe(Math.fround(3.4e38));
  });
});
