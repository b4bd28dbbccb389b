import { describe, expect, it } from "vitest";
import { bytesOf, float32From, float64From, uint64 } from "../../shared/grpc/numbers.js";

describe("numbers on the wire", () => {
  it("copies a vector out of a pooled, unaligned Buffer", () => {
    const pool = Buffer.alloc(64, 0xff);
    bytesOf(Float32Array.of(1.5, -2)).copy(pool, 3);
    expect([...float32From(pool.subarray(3, 11))]).toEqual([1.5, -2]);
    bytesOf(Float64Array.of(0.1)).copy(pool, 21);
    expect([...float64From(pool.subarray(21, 29))]).toEqual([0.1]);
  });

  it("is exact up to 2^53 - 1 and refuses what is not", () => {
    for (const value of [9, 10, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      expect(uint64.parse(String(value))).toBe(value);
    }
    expect(uint64.safeParse("9007199254740993").success).toBe(false);
    expect(uint64.safeParse("-1").success).toBe(false);
    expect(uint64.parse("0")).toBe(0);
  });
});
