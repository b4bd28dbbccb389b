/**
 * The WebAssembly kernels give the bits of their plain TypeScript, for any length and any bits: denormals, signed
 * zeros, infinities and values that overflow. A NaN stays one; its payload is left open.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  applyOptimizerStep,
  initialOptimizer,
  momentVectorsOf,
  nextOptimizerStep,
} from "../../coordinator/optimizers/registry.js";
import { decodeBfloat16, encodeBfloat16 } from "../../shared/kernels/bfloat16.js";
import { normBlock } from "../../shared/kernels/kernels.js";
import { plainKernels } from "../../shared/kernels/plain.js";
import { capacityFor, SimdVectors } from "../../shared/kernels/simd.js";
import { RandomStream } from "../../shared/random.js";
import { optimizerSpecs } from "../support/optimizers.js";

const awkward = Uint32Array.of(
  ...[0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007fffff, 0x00800000, 0x3f800000, 0xbf800000],
  ...[0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0x3f808000],
);

/** Any bits, gradients of usual size, and awkward values, mixed by the seed. */
function vectorOf(length: number, seed: number): Float32Array {
  const random = new RandomStream(seed, length);
  const values = new Float32Array(length);
  const words = new Uint32Array(values.buffer);
  for (let i = 0; i < length; i += 1) {
    const kind = random.nextBelow(4);
    if (kind === 0) words[i] = awkward[random.nextBelow(awkward.length)] as number;
    else if (kind === 1) words[i] = random.nextBelow(0x10000) * 0x10000 + random.nextBelow(0x10000);
    else values[i] = random.nextBetween(-1, 1) * 10 ** (random.nextBelow(12) - 8);
  }
  return values;
}

type Floats = Float32Array | Float64Array;

/** The largest magnitude of what a vector holds; NaN when it holds one. */
const largestOf = (values: Float32Array) =>
  values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);

/** Bit for bit, every NaN the same. (Vitest's toEqual takes seconds for these.) */
function expectSameBits(actual: Floats, expected: Floats): void {
  expect(actual.length).toBe(expected.length);
  const differs = actual.findIndex((value, i) => !Object.is(value, expected[i]));
  if (differs >= 0) expect([differs, actual[differs]]).toEqual([differs, expected[differs]]);
}

const lengths = fc.oneof(
  fc.integer({ min: 1, max: 70 }),
  fc.constantFrom(1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 63, 64, 65, 4_095, 4_096, 4_097),
);
const seeds = fc.nat(0xffffff);

/** The same vectors in a SIMD memory. */
function inSimd(vectors: readonly Float32Array[]): { simd: SimdVectors; copies: Float32Array[] } {
  const simd = new SimdVectors(vectors[0]?.length ?? 0);
  const copies = vectors.map((vector) => {
    const copy = simd.allocate();
    copy.set(vector);
    return copy;
  });
  return { simd, copies };
}

/** Runs both on `count` vectors of the same bits and compares all of these afterwards. */
function compare(
  count: number,
  run: (kernels: typeof plainKernels, vectors: Float32Array[]) => void,
  make = vectorOf,
): void {
  fc.assert(
    fc.property(lengths, seeds, (length, seed) => {
      const vectors = Array.from({ length: count }, (_, index) => make(length, seed + index));
      const { simd, copies } = inSimd(vectors);
      run(plainKernels, vectors);
      run(simd.kernels, copies);
      vectors.forEach((vector, index) => {
        expectSameBits(copies[index] as Float32Array, vector);
      });
    }),
    { numRuns: 200 },
  );
}

const pair = (vectors: Float32Array[]) => vectors as [Float32Array, Float32Array];

describe("SIMD kernels give the bits of plain TypeScript:", () => {
  it("add", () => compare(2, (kernels, vectors) => kernels.add(...pair(vectors))));

  it("add, rounded to bfloat16", () =>
    compare(2, (kernels, vectors) => kernels.addBfloat16(...pair(vectors))));

  it("rounding to bfloat16", () =>
    compare(1, (kernels, [values]) => kernels.roundBfloat16(values as Float32Array)));

  it.each(optimizerSpecs.map((spec) => [JSON.stringify(spec), spec] as const))(
    "an optimizer's update, over several steps: %s",
    (_, spec) => {
      compare(2 + momentVectorsOf(spec).length, (kernels, [weights, root, ...moments]) => {
        let state = initialOptimizer(spec);
        for (const factor of [1, 1.7, 0.3]) {
          const learningRate = spec.learningRate * factor;
          const next = nextOptimizerStep(spec, state, { learningRate, divisor: 24 * factor });
          state = next.state;
          const vectors = { weights: weights as Float32Array, moments };
          const largest = applyOptimizerStep(kernels, vectors, root as Float32Array, next.step);
          expect(largest).toEqual({ weights: largestOf(vectors.weights), moments: moments.map(largestOf) });
        }
      });
    },
  );

  it("sums of squares of blocks, also when eight run side by side", () => {
    const counts = fc.oneof(
      lengths,
      fc.integer({ min: 1, max: 20 * normBlock }),
      fc.constantFrom(7, 8, 9, 15, 16, 17).map((blocks) => blocks * normBlock),
    );
    fc.assert(
      fc.property(counts, seeds, fc.boolean(), (length, seed, isTame) => {
        const values = vectorOf(length, seed).map((value) =>
          isTame && !Number.isFinite(value) ? 1e38 : value,
        );
        const { simd, copies } = inSimd([values]);
        const { sums, largest } = simd.kernels.blockSumsOfSquares(copies[0] as Float32Array);
        const plain = plainKernels.blockSumsOfSquares(values);
        expectSameBits(sums, plain.sums);
        expect([largest, plain.largest]).toEqual([largestOf(values), largestOf(values)]);
        if (isTame) expect(sums.every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("the largest magnitude, as small as it is", () =>
    compare(1, (kernels, [values]) => {
      const vector = values as Float32Array;
      expect(kernels.largestMagnitude(vector)).toBe(largestOf(vector));
      const tiny = vector.map((value) => (value === 0 ? value : -1e-42));
      vector.set(tiny);
      expect(kernels.largestMagnitude(vector)).toBe(largestOf(tiny));
    }));

  it("bfloat16 there and back, as a wire would carry it", () => {
    compare(1, (kernels, [values]) => {
      const vector = values as Float32Array;
      if (kernels !== plainKernels) return kernels.roundBfloat16(vector);
      const halves = new Uint16Array(vector.length);
      encodeBfloat16(vector, halves);
      decodeBfloat16(halves, vector);
    });
  });
});

describe("bfloat16 over the wire", () => {
  it("out and in through the window are the plain encoding and decoding, for any chunks at any alignment", () => {
    const counts = fc.oneof(lengths, fc.integer({ min: 8_000, max: 40_000 }));
    fc.assert(
      fc.property(
        counts,
        seeds,
        fc.integer({ min: 1, max: 30_000 }),
        fc.nat(3),
        (length, seed, chunk, shift) => {
          const values = vectorOf(length, seed);
          const halves = new Uint16Array(length);
          encodeBfloat16(values, halves);
          const { simd, copies } = inSimd([values, values]);
          const [source, target] = pair(copies);
          const bytes = Buffer.alloc(length * 2);
          simd.encodeBfloat16(source, bytes);
          expect(Buffer.compare(bytes, Buffer.from(halves.buffer))).toBe(0);
          for (let begin = 0; begin < length; begin += chunk) {
            const piece = bytes.subarray(begin * 2, (begin + chunk) * 2);
            const moved = new Uint8Array(piece.length + shift).subarray(shift);
            moved.set(piece);
            simd.decodeBfloat16(moved, target, begin);
          }
          decodeBfloat16(halves, values);
          expectSameBits(target, values);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("vectors in a WebAssembly memory", () => {
  it("stay apart and stay what they are, however many are taken and given back", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40_000 }),
        fc.array(fc.nat(9), { maxLength: 60 }),
        (length, acts) => {
          const simd = new SimdVectors(length);
          const held: { vector: Float32Array; mark: number }[] = [];
          for (const [mark, act] of acts.entries()) {
            if (act < 6) held.push({ vector: simd.allocate().fill(mark), mark });
            else for (const { vector } of held.splice(act - 6, 1)) simd.release(vector);
          }
          expect(simd.used).toBe(held.length);
          for (const { vector, mark } of held) {
            expect(vector.length).toBe(length);
            expect(vector.every((value) => value === mark)).toBe(true);
          }
        },
      ),
    );
  });

  it("given back are used again before memory grows", () => {
    const simd = new SimdVectors(100_000);
    const [first, second] = [simd.allocate(), simd.allocate()];
    for (let round = 0; round < 50; round += 1) {
      const third = simd.allocate();
      simd.release(third);
    }
    expect(simd.held).toBe(3);
    simd.release(first);
    simd.release(second);
    expect(simd.used).toBe(0);
    expect(() => simd.release(second)).toThrow("released that nobody holds");
  });

  it("are six and more of 100 million parameters, and one too many is refused in a sentence", () => {
    expect(capacityFor(100_000_000)).toBe(10);
    expect(capacityFor(50_000_000)).toBe(21);
    const simd = new SimdVectors(1_000_000_000);
    simd.allocate();
    expect(() => simd.allocate()).toThrow(
      "a slice of 1000000000 parameters found no memory for more than 1 vectors: give the coordinator more --reducers, or the machine more memory",
    );
  });
});
