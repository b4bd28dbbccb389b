/**
 * The threads in which a worker decodes: the pixels and the reasons of the one decoder, in the order asked for, bounded in
 * number, and nobody waits for ever when a thread is gone. Runs the compiled program.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { DecodePool } from "../../dataset/decoding/decode-pool.js";
import { LocalDecoder } from "../../dataset/decoding/image-decoder.js";
import type { ImageSpec } from "../../shared/spec.js";
import { sampleImage } from "../support/images.js";

const compiled = (path: string) => import(new URL(`../../dist/${path}`, import.meta.url).href);
const { DecodePool: Pool }: { DecodePool: typeof DecodePool } = await compiled(
  "dataset/decoding/decode-pool.js",
);
const { plainJpegModule }: typeof import("../../engine/tensorflow-jpeg-decoder.js") = await compiled(
  "engine/tensorflow-jpeg-decoder.js",
);

const image: ImageSpec = { height: 9, width: 7, channels: 3, resize: "nearest", colour: "srgb" };
const tensorFlow = plainJpegModule({ intraOpThreads: 1, oneDnn: true });
const pools: DecodePool[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

function poolOf(most: number, spec = image): DecodePool {
  const pool = new Pool({ image: spec, ...tensorFlow }, most);
  pools.push(pool);
  return pool;
}

/** JPEG, PNG, one that is no image, one that was cut, in turn. */
const files = await Promise.all(
  Array.from({ length: 24 }, async (_, at) => {
    const drawn = sampleImage(20 + at, 30, at);
    if (at % 4 === 1) return await drawn.png().toBuffer();
    if (at % 4 === 2) return Buffer.from(`no image ${at}`);
    const bytes = await drawn.jpeg().toBuffer();
    return at % 4 === 3 ? bytes.subarray(0, bytes.length - 60) : bytes;
  }),
);

/** Without what libvips adds in brackets: its threads share one text. */
const reason = (error: unknown) => (error as Error).message.split("(")[0];

describe.each(["nearest", "area"] as const)("a pool with the rule %s", (resize) => {
  it("gives the pixels and the reasons of the decoder that predict and import use", async () => {
    const spec = { ...image, resize };
    const expected = await new LocalDecoder(spec).decode(files);
    const made = await poolOf(2, spec).decode(files);
    made.forEach((one, at) => {
      const other = expected[at];
      if (other instanceof Error)
        expect([(one as Error).name, reason(one)]).toEqual([other.name, reason(other)]);
      else expect(Buffer.compare(one as Uint8Array, other as Uint8Array)).toBe(0);
    });
  });
});

describe("a pool", () => {
  it("starts another thread while all are busy, never more than allowed, and does not change the files", async () => {
    const pool = poolOf(2);
    expect(pool.threads).toBe(1);
    const before = files.map((file) => Buffer.from(file));
    await Promise.all(Array.from({ length: 12 }, () => pool.decode(files)));
    expect(pool.threads).toBe(2);
    expect(files).toEqual(before);
  });

  it("refuses requests once it is closed, and rejects those that wait or that a thread works on", async () => {
    const pool = poolOf(1);
    const waiting = Array.from({ length: 10 }, () => pool.decode(files));
    const ends = Promise.allSettled(waiting);
    await pool.close();
    for (const end of await ends) expect(end).toMatchObject({ reason: { code: "INTERRUPTED" } });
    await expect(pool.decode(files)).rejects.toMatchObject({ code: "INTERRUPTED" });
  });

  it("answers with an error when its thread can't start, and starts another for the next", async () => {
    // A thread whose options say nothing of the images ends at once.
    const pool = poolOf(1, { ...image, height: -1 });
    await expect(pool.decode(files.slice(0, 1))).rejects.toMatchObject({ code: "FAILED" });
    await expect(pool.decode(files.slice(0, 1))).rejects.toMatchObject({ code: "FAILED" });
  });

  it("gives no images for no files", async () => {
    expect(await poolOf(1).decode([])).toEqual([]);
  });
});
