/** bfloat16 as IEEE 754 rounds: nearest, ties to even, whatever the bits; and back again without loss. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  addBfloat16Into,
  decodeBfloat16,
  encodeBfloat16,
  roundToBfloat16,
} from "../../shared/kernels/bfloat16.js";

const float32Of = (word: number) => new Float32Array(Uint32Array.of(word).buffer)[0] as number;
const decoded = (half: number) => float32Of(half * 65_536);
const words = fc.uint32Array({ maxLength: 40 }).map((array) => Uint32Array.from(array));
const halves = fc.uint16Array({ maxLength: 40 }).map((array) => Uint16Array.from(array));

function encoded(values: Float32Array): Uint16Array {
  const target = new Uint16Array(values.length);
  encodeBfloat16(values, target);
  return target;
}

/** The nearest bfloat16 by comparing distances, of two equally near ones the even one. */
function nearest(value: number): number {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  const [toZero, away] = [bits >>> 16, (bits >>> 16) + 1];
  // The first bfloat16 beyond the largest counts as 2^128 here, as IEEE 754 says of overflow.
  const size = (half: number) => ((half & 0x7fff) === 0x7f80 ? 2 ** 128 : Math.abs(decoded(half)));
  const [below, above] = [Math.abs(value) - size(toZero), size(away) - Math.abs(value)];
  if (below !== above) return below < above ? toZero : away;
  return toZero % 2 === 0 ? toZero : away;
}

describe("bfloat16", () => {
  it("is the nearest, ties to even, also for denormals and what overflows", () => {
    fc.assert(
      fc.property(words, (bits) => {
        const values = new Float32Array(bits.buffer).filter(Number.isFinite);
        expect([...encoded(values)]).toEqual([...values].map(nearest));
      }),
      { numRuns: 1_000 },
    );
    const ties = Uint32Array.of(0x3f808000, 0x3f818000, 0x3f808001, 0x80008000, 0x80018000, 0x7f7fffff);
    expect([...encoded(new Float32Array(ties.buffer))]).toEqual([
      0x3f80, 0x3f82, 0x3f81, 0x8000, 0x8002, 0x7f80,
    ]);
  });

  it("of an infinity is that infinity, of any NaN a NaN", () => {
    expect([...encoded(Float32Array.of(Infinity, -Infinity))]).toEqual([0x7f80, 0xff80]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 0x7fffff }), fc.boolean(), (payload, isNegative) => {
        const bits = Uint32Array.of((isNegative ? 0xff800000 : 0x7f800000) + payload);
        const [half = 0] = encoded(new Float32Array(bits.buffer));
        expect(half & 0x7fff).toBeGreaterThan(0x7f80);
        expect(decoded(half)).toBeNaN();
      }),
    );
  });

  it("comes back as it was: decoding is exact, rounding what is rounded changes nothing", () => {
    fc.assert(
      fc.property(halves, (source) => {
        const values = new Float32Array(source.length);
        decodeBfloat16(source, values);
        expect([...values]).toEqual([...source].map(decoded));
        const again = values.slice();
        roundToBfloat16(again);
        const isNumber = (half: number) => (half & 0x7fff) <= 0x7f80;
        expect([...encoded(again)].filter(isNumber)).toEqual([...source].filter(isNumber));
        expect(again).toEqual(values);
      }),
    );
  });

  it("sums are the float32 sum, rounded", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.float(), fc.float()), { maxLength: 20 }), (pairs) => {
        const left = Float32Array.from(pairs, ([a]) => a);
        const right = Float32Array.from(pairs, ([, b]) => b);
        const expected = left.map((value, index) => Math.fround(value + (right[index] as number)));
        roundToBfloat16(expected);
        addBfloat16Into(left, right);
        expect(left).toEqual(expected);
      }),
    );
  });

  it("works within a larger vector, and refuses another length", () => {
    const whole = Float32Array.of(1, 2.01, -3.03, 4);
    const target = new Uint16Array(6);
    encodeBfloat16(whole.subarray(1, 3), target.subarray(3, 5));
    expect([...target]).toEqual([0, 0, 0, 0x4001, 0xc042, 0]);
    expect(() => encodeBfloat16(whole, target)).toThrow("4 elements was to fill one of 6");
  });
});
