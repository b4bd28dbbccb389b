/**
 * What every object store promises. One suite: folder.test.ts and s3.test.ts run it on their own, real store.
 * What only one of them can do is tested beside it.
 */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limits } from "../../shared/limits.js";
import { compareCodePoints } from "../../shared/store/keys.js";
import type { ObjectStore, SizedStream } from "../../shared/store/object-store.js";
import { awkwardNames } from "../support/awkward-names.js";
import { collect, inPieces, pattern, sizedStream } from "../support/bodies.js";
import { heldBytes } from "../support/held-bytes.mjs";

/** A store under test. */
export interface ProvidedStore {
  /** Open and empty. */
  readonly store: ObjectStore;
  /** A value that changes with every write, also with one that is undone at once. */
  readonly trace: () => Promise<unknown>;
  close(): Promise<void>;
}

/** `isInMemory`: the store itself holds what is put into it. */
export function describeObjectStore(
  name: string,
  provide: () => Promise<ProvidedStore>,
  { isInMemory = false } = {},
): void {
  describe(`object store: ${name}`, () => {
    let store: ObjectStore;
    let trace: ProvidedStore["trace"];
    let close: (() => Promise<void>) | undefined;
    beforeAll(async () => {
      const provided = await provide();
      store = provided.store;
      trace = provided.trace;
      close = provided.close;
    });
    afterAll(() => close?.());

    const keysBelow = async (prefix: string) => {
      const keys: string[] = [];
      for await (const info of store.list(prefix)) keys.push(info.key);
      return keys;
    };
    const put = (key: string, text: string) => store.put(key, Buffer.from(text));
    const text = async (key: string) => Buffer.from(await store.get(key)).toString();

    describe("one object", () => {
      const sizes = [
        0,
        1,
        1024 * 1024 + 1,
        limits.storePartBytes - 1,
        limits.storePartBytes,
        limits.storePartBytes + 1,
        limits.storeSinglePutBytes,
        limits.storeSinglePutBytes + 1,
        20 * 1024 * 1024 + 17,
      ];
      test.each(sizes)("of %i bytes comes back whole, as bytes and as a stream", async (bytes) => {
        const body = pattern(bytes);
        const key = `sizes/${bytes}`;
        await store.put(key, body);
        expect(await store.stat(key)).toEqual({ key, bytes });
        expect(Buffer.compare(await store.get(key), body)).toBe(0);
        const streamed: Uint8Array[] = [];
        for await (const chunk of store.stream(key)) {
          expect(chunk.length).toBeLessThanOrEqual(1024 * 1024);
          streamed.push(chunk);
        }
        expect(Buffer.compare(Buffer.concat(streamed), body)).toBe(0);
      });

      test.each(sizes)("uploaded as a stream of %i bytes comes back whole", async (bytes) => {
        const body = pattern(bytes);
        await store.put(`streams/${bytes}`, sizedStream(body, 100_003));
        expect(Buffer.compare(await store.get(`streams/${bytes}`), body)).toBe(0);
      });

      test("is replaced by a second put, also by a shorter one", async () => {
        await store.put("replaced", pattern(limits.storeSinglePutBytes + 5));
        await put("replaced", "second");
        expect(await text("replaced")).toBe("second");
      });

      test("is gone after delete, and deleting it again is no error", async () => {
        await put("deleted/a", "1");
        await store.delete("deleted/a");
        await store.delete("deleted/a");
        await store.delete("deleted");
        expect(await store.stat("deleted/a")).toBeNull();
        expect(await keysBelow("deleted")).toEqual([]);
      });

      test("that is missing: stat is null, reading names it", async () => {
        expect(await store.stat("no/such")).toBeNull();
        await expect(store.get("no/such")).rejects.toMatchObject({
          code: "NOT_FOUND",
          message: expect.stringContaining('"no/such"'),
        });
        await expect(collect(store.stream("no/such"))).rejects.toMatchObject({ code: "NOT_FOUND" });
        await expect(store.get("no/such", { range: { begin: 0, end: 0 } })).rejects.toMatchObject({
          code: "NOT_FOUND",
        });
      });

      test("below another object's name is not found", async () => {
        await put("leaf", "x");
        expect(await store.stat("leaf/below")).toBeNull();
        await expect(store.get("leaf/below")).rejects.toMatchObject({ code: "NOT_FOUND" });
        await store.delete("leaf/below");
      });

      test("whose name is a folder of objects is not found", async () => {
        await put("folder/inside", "x");
        expect(await store.stat("folder")).toBeNull();
        await expect(store.get("folder")).rejects.toMatchObject({ code: "NOT_FOUND" });
        await store.delete("folder");
        expect(await text("folder/inside")).toBe("x");
      });
    });

    describe("a range", () => {
      const body = pattern(3_000_000);
      beforeAll(() => store.put("ranged", body));
      test.each([
        [0, 0],
        [0, 1],
        [0, 3_000_000],
        [1, 3_000_000],
        [2_999_999, 3_000_000],
        [1_048_575, 1_048_577],
        [1_000_000, 2_500_000],
        [2_999_990, 4_000_000],
        [3_000_000, 3_000_001],
        [9_000_000, 9_000_010],
      ])("[%i, %i) holds those bytes, cut at the object's end", async (begin, end) => {
        const expected = body.subarray(begin, end);
        expect(Buffer.compare(await store.get("ranged", { range: { begin, end } }), expected)).toBe(0);
        expect(
          Buffer.compare(await collect(store.stream("ranged", { range: { begin, end } })), expected),
        ).toBe(0);
      });

      test.each([
        [-1, 5],
        [5, 4],
        [0.5, 2],
      ])("[%d, %d) is refused", async (begin, end) => {
        await expect(store.get("ranged", { range: { begin, end } })).rejects.toMatchObject({ code: "USAGE" });
      });

      test("of an empty object is empty", async () => {
        await store.put("ranged-empty", new Uint8Array(0));
        expect((await store.get("ranged-empty", { range: { begin: 0, end: 10 } })).length).toBe(0);
      });
    });

    describe("a stream's length", () => {
      test.each([
        ["short", 9, 10],
        ["long", 11, 10],
      ])("too %s for what was announced stores nothing", async (kind, has, announced) => {
        const body = { bytes: announced, chunks: inPieces(pattern(has), 4) };
        await expect(store.put(`length/${kind}`, body)).rejects.toMatchObject({ code: "DAMAGED" });
        expect(await keysBelow("length/")).toEqual([]);
      });

      test("too short in the last part of a large one stores nothing", async () => {
        const bytes = limits.storeSinglePutBytes + 100;
        const body = { bytes, chunks: inPieces(pattern(bytes - 1), 1024 * 1024) };
        await expect(store.put("length/large", body)).rejects.toMatchObject({ code: "DAMAGED" });
        expect(await keysBelow("length/")).toEqual([]);
      });

      test("a source that fails in the middle passes its error on and stores nothing", async () => {
        const bytes = limits.storeSinglePutBytes + 100;
        async function* failing() {
          yield pattern(limits.storePartBytes + 1);
          throw new Error("the disk went away");
        }
        await expect(store.put("length/failing", { bytes, chunks: failing() })).rejects.toThrow(
          /the disk went away/,
        );
        expect(await keysBelow("length/")).toEqual([]);
      });

      test("several at once arrive whole, and memory stays near the part size", {
        timeout: 120_000,
      }, async () => {
        const small = Array.from({ length: 5 }, (_, i) =>
          store.put(`parallel/${i}`, sizedStream(pattern(4096, i), 1000)),
        );
        const bytes = 200 * 1024 * 1024 + 17;
        const chunk = pattern(1024 * 1024);
        const before = heldBytes();
        let most = 0;
        const room = 100 * 1024 * 1024 + (isInMemory ? 2 * bytes : 0);
        async function* large() {
          for (let left = bytes; left > 0; left -= chunk.length) {
            yield chunk.slice(0, Math.min(left, chunk.length));
            if (left % (16 * chunk.length) < chunk.length) most = Math.max(most, heldBytes() - before);
          }
        }
        await Promise.all([...small, store.put("parallel/large", { bytes, chunks: large() })]);
        expect(most).toBeLessThan(room);
        for (let i = 0; i < 5; i += 1) {
          expect(Buffer.compare(await store.get(`parallel/${i}`), pattern(4096, i))).toBe(0);
        }
        let seen = 0;
        for await (const part of store.stream("parallel/large")) seen += part.length;
        expect(seen).toBe(bytes);
        await store.delete("parallel/large");
      });
    });

    describe("a conditional put", () => {
      test("creates, then fails and changes nothing", async () => {
        await store.put("once", Buffer.from("first"), { ifNoneMatch: true });
        await expect(store.put("once", Buffer.from("second"), { ifNoneMatch: true })).rejects.toMatchObject({
          code: "ALREADY_EXISTS",
          message: expect.stringContaining('"once"'),
        });
        expect(await text("once")).toBe("first");
      });

      test("may create again what was deleted", async () => {
        await store.put("again", Buffer.from("first"), { ifNoneMatch: true });
        await store.delete("again");
        await store.put("again", Buffer.from("second"), { ifNoneMatch: true });
        expect(await text("again")).toBe("second");
      });

      test.each([
        ["small", 10, 16],
        ["multipart", limits.storeSinglePutBytes + 1, 4],
      ])(
        "of %s objects by many at once lets exactly one win",
        { timeout: 120_000 },
        async (kind, bytes, writers) => {
          const key = `race/${kind}`;
          const outcomes = await Promise.allSettled(
            Array.from({ length: writers }, (_, i) =>
              store.put(key, pattern(bytes, i), { ifNoneMatch: true }),
            ),
          );
          const winners = outcomes.flatMap((outcome, i) => (outcome.status === "fulfilled" ? [i] : []));
          expect(winners).toHaveLength(1);
          for (const outcome of outcomes) {
            if (outcome.status === "rejected")
              expect(outcome.reason).toMatchObject({ code: "ALREADY_EXISTS" });
          }
          expect(Buffer.compare(await store.get(key), pattern(bytes, winners[0] as number))).toBe(0);
          expect(await keysBelow("race/")).toContain(key);
        },
      );

      test("also as a stream", async () => {
        const body = pattern(5000);
        await store.put("once-streamed", sizedStream(body, 999), { ifNoneMatch: true });
        await expect(
          store.put("once-streamed", sizedStream(body, 999), { ifNoneMatch: true }),
        ).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
      });
    });

    describe("names", () => {
      test("every awkward one is kept to the code point, each apart from the others", async () => {
        for (const name of awkwardNames) await put(`names/${name}/${name}`, name);
        const expected = awkwardNames.map((name) => `names/${name}/${name}`).sort(compareCodePoints);
        expect(await keysBelow("names/")).toEqual(expected);
        for (const name of awkwardNames) {
          const key = `names/${name}/${name}`;
          expect(await text(key)).toBe(name);
          expect(await store.stat(key)).toEqual({ key, bytes: Buffer.byteLength(name) });
          expect(await keysBelow(`names/${name}/`)).toEqual([key]);
          await expect(store.put(key, Buffer.from("x"), { ifNoneMatch: true })).rejects.toMatchObject({
            code: "ALREADY_EXISTS",
          });
        }
        for (const name of awkwardNames) await store.delete(`names/${name}/${name}`);
        expect(await keysBelow("names/")).toEqual([]);
      });

      test.each([
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "a/../b",
        "./a",
        "a\0b",
        "a\ud800b",
        `${"x".repeat(256)}`,
        "猫".repeat(86),
      ])("%j is refused as a key", async (key) => {
        await expect(store.put(key, Buffer.from("x"))).rejects.toMatchObject({ code: "USAGE" });
        await expect(store.get(key)).rejects.toMatchObject({ code: "USAGE" });
        await expect(store.stat(key)).rejects.toMatchObject({ code: "USAGE" });
        await expect(store.delete(key)).rejects.toMatchObject({ code: "USAGE" });
      });

      test("of all its allowed length are kept", async () => {
        for (const key of [
          `long/${"猫".repeat(85)}`,
          ["x", "y", "z", "w"].map((c) => c.repeat(200)).join("/"),
        ]) {
          await put(key, "long");
          expect(await text(key)).toBe("long");
          expect(await keysBelow(key)).toEqual([key]);
        }
      });
    });

    describe("a list", () => {
      test("of a prefix that ends within a name finds all that start so, in code-point order", async () => {
        const keys = ["a", "a!b", "a/b", "a/b c", "a0", "ab/c", "a~", "a\uffee", "a😀"].map(
          (k) => `order/${k}x`,
        );
        for (const key of [...keys].reverse()) await put(key, "1");
        expect(await keysBelow("order/a")).toEqual([...keys].sort(compareCodePoints));
        expect(await keysBelow("order/a/b")).toEqual(["order/a/b cx", "order/a/bx"]);
        expect(await keysBelow("order/b")).toEqual([]);
        expect(await keysBelow("nowhere/at/all")).toEqual([]);
      });

      test("of everything holds what was put outside any folder too", async () => {
        await put("top", "1");
        const all = await keysBelow("");
        expect(all).toContain("top");
        expect(all).toEqual([...all].sort(compareCodePoints));
      });

      test("of a prefix that climbs out is refused", async () => {
        await expect(keysBelow("../")).rejects.toMatchObject({ code: "USAGE" });
      });

      const odd = ["a b+c%d?e#f&g=h", "猫 猫", "ü\u0308", "100%25", "😀"];
      test.each([999, 1000, 1001, 2010, 3500])(
        "of %i objects is complete, in order and without repeats",
        { timeout: 240_000 },
        async (count) => {
          const keys = Array.from({ length: count }, (_, i) => {
            const suffix = i >= 997 && i <= 1003 ? ` ${odd[i % odd.length]}` : "";
            return `many/${count}/${String(i).padStart(6, "0")}${suffix}`;
          });
          await inParallel(keys, (key) => store.put(key, Buffer.from("x")));
          expect(await keysBelow(`many/${count}/`)).toEqual([...keys].sort(compareCodePoints));
        },
      );

      test("over many prefixes is complete too", { timeout: 240_000 }, async () => {
        const keys = Array.from({ length: 1200 }, (_, i) => `spread/${i % 400}/${i}`);
        await inParallel(keys, (key) => store.put(key, Buffer.from("x")));
        expect(await keysBelow("spread/")).toEqual([...keys].sort(compareCodePoints));
      });

      test("may be left early", async () => {
        for await (const info of store.list("order/")) {
          expect(info.bytes).toBe(1);
          break;
        }
      });
    });

    describe("an abort", () => {
      const aborted = () => AbortSignal.abort();
      test("before any call ends it", async () => {
        const signal = aborted();
        await put("abort", "x");
        const calls = [
          store.put("abort-put", Buffer.from("x"), { signal }),
          store.get("abort", { signal }),
          collect(store.stream("abort", { signal })),
          store.stat("abort", { signal }),
          store.delete("abort", { signal }),
          (async () => {
            for await (const _ of store.list("abort", { signal })) break;
          })(),
          store.open({ signal }),
        ];
        for (const call of calls) await expect(call).rejects.toMatchObject({ code: "INTERRUPTED" });
        expect(await text("abort")).toBe("x");
        expect(await store.stat("abort-put")).toBeNull();
      });

      test("signal may be shared by any number of calls without a warning", async () => {
        const warnings: Error[] = [];
        const onWarning = (warning: Error) => warnings.push(warning);
        process.on("warning", onWarning);
        const { signal } = new AbortController();
        await put("shared-signal", "x");
        await Promise.all(
          Array.from({ length: 40 }, async (_, i) => {
            await store.put(`shared-signal-${i}`, Buffer.from("x"), { signal });
            await store.get("shared-signal", { signal });
          }),
        );
        process.off("warning", onWarning);
        expect(warnings).toEqual([]);
      });

      test("in the middle of an upload leaves nothing", async () => {
        const controller = new AbortController();
        const bytes = limits.storeSinglePutBytes + limits.storePartBytes;
        async function* chunks() {
          for (let sent = 0; sent < bytes; sent += 1024 * 1024) {
            if (sent > limits.storePartBytes * 1.5) controller.abort();
            yield pattern(1024 * 1024);
          }
        }
        const body: SizedStream = { bytes, chunks: chunks() };
        await expect(store.put("abort-upload", body, { signal: controller.signal })).rejects.toMatchObject({
          code: "INTERRUPTED",
        });
        expect(await store.stat("abort-upload")).toBeNull();
      });

      test("in the middle of a download ends it", async () => {
        await store.put("abort-download", pattern(5 * 1024 * 1024));
        const controller = new AbortController();
        const reading = (async () => {
          for await (const _ of store.stream("abort-download", { signal: controller.signal }))
            controller.abort();
        })();
        await expect(reading).rejects.toMatchObject({ code: "INTERRUPTED" });
      });
    });

    test.each(["read", "write", "create"] as const)(
      "opening again to %s keeps what is there",
      async (purpose) => {
        const key = `kept/${randomUUID()}`;
        await put(key, "kept");
        await store.open({ purpose });
        expect(await text(key)).toBe("kept");
      },
    );

    test("opening it to read writes nothing, not even for a moment", async () => {
      const before = await trace();
      await store.open({ purpose: "read" });
      expect(await trace()).toEqual(before);
      const key = `trace-${randomUUID()}`;
      await put(key, "x");
      await store.delete(key);
      expect(await trace()).not.toEqual(before);
    });
  });
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const lines = Array.from({ length: 16 }, async () => {
    for (let item = rest.pop(); item !== undefined; item = rest.pop()) await act(item);
  });
  await Promise.all(lines);
}
