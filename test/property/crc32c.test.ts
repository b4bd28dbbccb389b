/** CRC-32C: published check values, and combining the CRCs of any cut equals the CRC of the whole. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32c, crc32cCombine } from "../../shared/crc32c.js";

describe("CRC-32C", () => {
  test("has the check values of RFC 3720 B.4", () => {
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(crc32c(Buffer.from("123456789"))).toBe(0xe3069283);
  });

  test("continues from the CRC of what came before", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
        expect(crc32c(b, crc32c(a))).toBe(crc32c(Buffer.concat([a, b])));
      }),
    );
  });

  test("slices combine to the vector's CRC, however it is cut", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 5000 }),
        fc.array(fc.nat({ max: 5000 }), { maxLength: 7 }),
        (bytes, cuts) => {
          const ends = [...cuts.map((cut) => cut % bytes.length), bytes.length].sort((x, y) => x - y);
          let begin = 0;
          let combined = crc32c(new Uint8Array(0));
          for (const end of ends) {
            combined = crc32cCombine(combined, crc32c(bytes.subarray(begin, end)), end - begin);
            begin = end;
          }
          expect(combined).toBe(crc32c(bytes));
        },
      ),
    );
  });

  test("combines lengths beyond 32 bits: 5 GiB of zeros, built by doubling", () => {
    let zeros = crc32c(new Uint8Array(1024 * 1024));
    let length = 1024 * 1024;
    for (let doubling = 0; doubling < 12; doubling += 1) {
      zeros = crc32cCombine(zeros, zeros, length);
      length *= 2;
    }
    const gibibyte = crc32cChain(1024);
    expect(crc32cCombine(zeros, gibibyte, 1024 ** 3)).toBe(crc32cCombine(gibibyte, zeros, length));
    expect(length).toBe(4 * 1024 ** 3);
    expect(crc32cCombine(gibibyte, gibibyte, 1024 ** 3)).toBe(crc32cChain(2048));
  });

  test("refuses a length that is none", () => {
    expect(() => crc32cCombine(1, 2, -1)).toThrow(/whole number/);
    expect(() => crc32cCombine(1, 2, 0.5)).toThrow(/whole number/);
  });
});

/** CRC of so many MiB of zeros, computed directly. */
function crc32cChain(mebibytes: number): number {
  const block = new Uint8Array(1024 * 1024);
  let crc = 0;
  for (let i = 0; i < mebibytes; i += 1) crc = crc32c(block, crc);
  return crc;
}
