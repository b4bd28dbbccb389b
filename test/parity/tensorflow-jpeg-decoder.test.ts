/**
 * The fast JPEG decoder of workers gives the pixels of the general one that import and predict use, bit for bit, on
 * every file that it takes; and it does not take files on which the two could differ.
 */
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFile, decodeImage } from "../../dataset/decoding/decode-image.js";
import { plainJpeg } from "../../dataset/decoding/plain-jpeg.js";
import { loadBinding } from "../../engine/native/load-tensorflow.js";
import type { NativeBinding } from "../../engine/recording/tfjs-node-backend.js";
import { JpegDecoder } from "../../engine/tensorflow-jpeg-decoder.js";
import type { ImageSpec } from "../../shared/spec.js";
import { sampleImage } from "../support/images.js";

const binding = loadBinding({ intraOpThreads: 2, oneDnn: true }) as NativeBinding;
const decoder = new JpegDecoder(binding);

/** How often the fast decoder gave pixels. */
let taken = 0;
const decode = (...request: Parameters<JpegDecoder["decode"]>) => {
  const pixels = decoder.decode(...request);
  if (pixels !== null) taken += 1;
  return pixels;
};

async function expectSamePixels(bytes: Uint8Array, image: ImageSpec): Promise<void> {
  const fast = await decodeImage(bytes, image, decode);
  expect(Buffer.compare(fast, await decodeImage(bytes, image))).toBe(0);
}

const imageOf = (change: Partial<ImageSpec> = {}): ImageSpec => ({
  height: 64,
  width: 64,
  channels: 3,
  resize: "nearest",
  colour: "srgb",
  ...change,
});

/** Every third. */
const photographs = ["clothing", "faces", "signs"]
  .flatMap((set) =>
    readdirSync(join("../shared/data", set), { withFileTypes: true, recursive: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith(".jpg"))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  .filter((_, at) => at % 3 === 0);

describe("photographs", () => {
  it("have the same pixels, resized and whole, in both readings of colour", async () => {
    taken = 0;
    let every = 0;
    for (const path of photographs) {
      const bytes = await readFile(path);
      await expectSamePixels(bytes, imageOf({ colour: "as-stored" }));
      if (++every % 5 !== 0) continue;
      await expectSamePixels(bytes, imageOf());
      await expectSamePixels(bytes, imageOf({ height: 31, width: 77, channels: 1 }));
      await expectSamePixels(bytes, imageOf({ resize: "area", colour: "as-stored" }));
    }
    expect(taken).toBeGreaterThan(photographs.length * 0.9);
  }, 180_000);
});

describe("drawn files", () => {
  const forms = fc.record({
    height: fc.integer({ min: 1, max: 70 }),
    width: fc.integer({ min: 1, max: 70 }),
    seed: fc.nat(1_000),
    quality: fc.integer({ min: 1, max: 100 }),
    progressive: fc.boolean(),
    chromaSubsampling: fc.constantFrom("4:4:4", "4:2:0"),
    grey: fc.boolean(),
    optimiseCoding: fc.boolean(),
    to: fc.record({ height: fc.integer({ min: 1, max: 40 }), width: fc.integer({ min: 1, max: 40 }) }),
    resize: fc.constantFrom("nearest" as const, "area" as const, "bilinear" as const),
    channels: fc.constantFrom(1 as const, 3 as const),
  });

  it("have the same pixels, whatever their size, quality, coding and subsampling", async () => {
    taken = 0;
    let asked = 0;
    await fc.assert(
      fc.asyncProperty(forms, async ({ height, width, seed, grey, to, resize, channels, ...coding }) => {
        const drawn = sampleImage(height, width, seed);
        const bytes = await (grey ? drawn.greyscale() : drawn).jpeg(coding).toBuffer();
        asked += 1;
        await expectSamePixels(bytes, imageOf({ ...to, resize, channels }));
      }),
      { numRuns: 300, seed: 1 },
    );
    expect(taken).toBe(asked);
  });

  it("leave no tensor behind, also when they are refused", async () => {
    const bytes = await sampleImage(50, 50).jpeg().toBuffer();
    const size = { height: 50, width: 50 };
    decoder.decode(bytes, size, { height: 5, width: 5 });
    const before = binding.getNumOfTensors();
    for (let i = 0; i < 5; i += 1) {
      expect(decoder.decode(bytes, size, { height: 5, width: 5 })).not.toBeNull();
      expect(decoder.decode(bytes, { height: 49, width: 50 }, null)).toBeNull();
      expect(decoder.decode(bytes.subarray(0, bytes.length / 2), size, null)).toBeNull();
    }
    expect(binding.getNumOfTensors()).toBe(before);
  });
});

describe("what is not plain", () => {
  const drawn = () => sampleImage(40, 30);
  const cases: [string, () => Promise<Buffer>][] = [
    ["a file with a colour profile", () => drawn().withIccProfile("p3").jpeg().toBuffer()],
    ["an image on its side", () => drawn().withMetadata({ orientation: 6 }).jpeg().toBuffer()],
    ["CMYK", () => drawn().toColourspace("cmyk").jpeg().toBuffer()],
    ["a PNG", () => drawn().png().toBuffer()],
    ["half a head", async () => (await drawn().jpeg().toBuffer()).subarray(0, 100)],
    ["nothing", async () => Buffer.alloc(0)],
  ];

  it.each(cases)("%s is left to the general decoder", async (_, make) => {
    expect(plainJpeg(await make(), "srgb")).toBeNull();
  });

  it("a colour profile that is ignored and an upright orientation leave a file plain", async () => {
    const profiled = await drawn().withIccProfile("p3").jpeg().toBuffer();
    expect(plainJpeg(profiled, "as-stored")).toEqual({ height: 40, width: 30 });
    await expectSamePixels(profiled, imageOf({ colour: "as-stored" }));
    const upright = await drawn()
      .withExif({ IFD0: { Orientation: "1" } })
      .jpeg()
      .toBuffer();
    expect(plainJpeg(upright, "as-stored")).toEqual({ height: 40, width: 30 });
  });

  it("no header is misread, however it is cut or changed", async () => {
    const whole = await drawn().withMetadata({ orientation: 3 }).jpeg().toBuffer();
    await fc.assert(
      fc.asyncProperty(fc.nat(600), fc.nat(255), fc.nat(600), async (at, value, end) => {
        const changed = Buffer.from(whole);
        if (at < changed.length) changed[at] = value;
        const file = Buffer.concat([changed.subarray(0, Math.max(end, 200)), Buffer.of(0xff, 0xd9)]);
        const size = plainJpeg(file, "as-stored");
        if (size === null) return;
        const general = await decodeFile(file, "as-stored").catch(() => null);
        if (general === null) return;
        const fast = decoder.decode(file, size, null);
        if (fast !== null) expect(Buffer.compare(fast, general.pixels.data)).toBe(0);
      }),
      { numRuns: 300, seed: 2 },
    );
  });
});
