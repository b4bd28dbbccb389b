/** Decoding: always h x w x c bytes, upright, scaled and not clipped; what can't be read is named with a remedy. */
import { crc32 } from "@node-rs/crc32";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodeFile, decodeImage } from "../../dataset/decoding/decode-image.js";
import { decodeGreyPng, encodeGreyPng } from "../../dataset/decoding/grey-png.js";
import { detectFormat } from "../../dataset/decoding/image-format.js";
import { nearestIndices, resizePixels } from "../../dataset/decoding/resize.js";
import type { ImageSpec } from "../../shared/spec.js";
import { flat, jpeg, pixels, sampleImage } from "../support/images.js";

const spec = (given: Partial<ImageSpec> = {}): ImageSpec => ({
  height: 24,
  width: 32,
  channels: 3,
  resize: "nearest",
  colour: "srgb",
  ...given,
});

const reasonOf = (bytes: Uint8Array) =>
  decodeFile(bytes, "srgb").then(
    () => "decoded",
    (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
  );

/** The largest difference of two buffers of one length. */
function difference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, level, at) => Math.max(most, Math.abs(level - (b[at] ?? 0))), 0);
}

describe("channels", () => {
  const alpha = {
    create: { width: 32, height: 24, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0.5 } },
  } as const;
  const files: Record<string, () => Promise<Buffer>> = {
    "grey PNG": () => sampleImage().greyscale().png().toBuffer(),
    "grey + alpha PNG": () => sharp(alpha).greyscale().png().toBuffer(),
    "RGB PNG": () => sampleImage().png().toBuffer(),
    "RGBA PNG": () => sharp(alpha).png().toBuffer(),
    "palette PNG": () => sampleImage().png({ palette: true, colours: 16 }).toBuffer(),
    "palette + transparency PNG": () => sharp(alpha).png({ palette: true }).toBuffer(),
    "1-bit PNG": () => sampleImage().threshold(128).png({ palette: true, colours: 2 }).toBuffer(),
    "CMYK JPEG": () => sampleImage().toColourspace("cmyk").jpeg().toBuffer(),
    "grey JPEG": () => sampleImage().greyscale().jpeg().toBuffer(),
    GIF: () => sampleImage().gif().toBuffer(),
    WebP: () => sampleImage().webp().toBuffer(),
    TIFF: () => sampleImage().tiff().toBuffer(),
    AVIF: () => sampleImage().avif({ effort: 0 }).toBuffer(),
  };

  it.each(Object.keys(files))(
    "%s gives exactly h x w x c bytes, for models of 1 and 3 channels",
    async (name) => {
      const bytes = await (files[name] as () => Promise<Buffer>)();
      for (const colour of ["srgb", "as-stored"] as const) {
        for (const size of [
          { height: 24, width: 32 },
          { height: 7, width: 5 },
        ]) {
          expect((await decodeImage(bytes, spec({ ...size, colour }))).length).toBe(
            size.height * size.width * 3,
          );
          const one = await decodeImage(bytes, spec({ ...size, colour, channels: 1 }));
          expect(one.length).toBe(size.height * size.width);
        }
      }
    },
  );

  it("grey files give three equal channels, and their level again as one", async () => {
    const bytes = await (files["grey PNG"] as () => Promise<Buffer>)();
    const rgb = await decodeImage(bytes, spec());
    const grey = await decodeImage(bytes, spec({ channels: 1 }));
    expect(rgb.every((level, at) => level === grey[Math.floor(at / 3)])).toBe(true);
  });

  it("one channel is the luma of ITU-R 601 as PIL rounds it", async () => {
    const of = async (r: number, g: number, b: number) =>
      (
        await decodeImage(
          await flat({ r, g, b }).png().toBuffer(),
          spec({ height: 1, width: 1, channels: 1 }),
        )
      )[0];
    expect([await of(255, 0, 0), await of(0, 255, 0), await of(0, 0, 255)]).toEqual([76, 150, 29]);
  });

  it("alpha is flattened onto white, and dropped as-stored", async () => {
    const bytes = await sharp(alpha).png().toBuffer();
    const small = { height: 1, width: 1 };
    expect([...(await decodeImage(bytes, spec(small)))]).toEqual([127, 127, 127]);
    expect([...(await decodeImage(bytes, spec({ ...small, colour: "as-stored" })))]).toEqual([0, 0, 0]);
  });
});

describe("depth", () => {
  const ramp = Uint16Array.from({ length: 256 }, (_, index) => Math.round((index * 65535) / 255));
  const bytes16 = Buffer.from(ramp.buffer);
  const files = {
    PNG: () =>
      sharp(ramp, { raw: { width: 16, height: 16, channels: 1 } })
        .toColourspace("grey16")
        .png()
        .toBuffer(),
    TIFF: async () => greyTiff(16, bytes16, { bits: 16, sampleFormat: 1 }),
  };

  it.each(["PNG", "TIFF"] as const)(
    "a 16-bit grey %s is the 8-bit ramp, scaled and not clipped",
    async (format) => {
      const bytes = await files[format]();
      expect((await sharp(bytes).metadata()).depth).toBe("ushort");
      for (const colour of ["srgb", "as-stored"] as const) {
        const levels = await decodeImage(bytes, spec({ height: 16, width: 16, channels: 1, colour }));
        expect(
          difference(
            levels,
            Uint8Array.from({ length: 256 }, (_, index) => index),
          ),
        ).toBeLessThanOrEqual(1);
      }
    },
  );

  it("a float TIFF is refused in words", async () => {
    expect(await reasonOf(greyTiff(2, Buffer.alloc(16), { bits: 32, sampleFormat: 3 }))).toBe(
      "INPUT: is an image of float samples, whose white is not known; save it with 8 or 16 bits per channel",
    );
  });
});

/** A square grey TIFF by hand (TIFF 6.0): header, one strip, eleven tags. `sampleFormat` 1 = unsigned, 3 = float. */
function greyTiff(
  side: number,
  strip: Buffer,
  { bits, sampleFormat }: { bits: number; sampleFormat: number },
): Buffer {
  const directory = 8 + strip.length;
  const file = Buffer.alloc(directory + 2 + 11 * 12 + 4);
  file.write("II*\0", 0, "latin1");
  file.writeUInt32LE(directory, 4);
  strip.copy(file, 8);
  const tags: [tag: number, type: number, value: number][] = [
    [256, 3, side],
    [257, 3, side],
    [258, 3, bits],
    [259, 3, 1],
    [262, 3, 1],
    [273, 4, 8],
    [277, 3, 1],
    [278, 3, side],
    [279, 4, strip.length],
    [284, 3, 1],
    [339, 3, sampleFormat],
  ];
  file.writeUInt16LE(tags.length, directory);
  tags.forEach(([tag, type, value], index) => {
    const at = directory + 2 + index * 12;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(type, at + 2);
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  return file;
}

/** 20 x 40: left half red, right half blue, the top four rows green. */
function redAndBlue(): Buffer {
  const made = Buffer.alloc(20 * 40 * 3);
  for (let pixel = 0; pixel < 800; pixel += 1)
    made[pixel * 3 + (pixel < 160 ? 1 : pixel % 40 < 20 ? 0 : 2)] = 255;
  return made;
}

describe("orientation", () => {
  /** What each EXIF orientation undoes: the stored image is the upright one turned the other way. */
  const stored: Record<number, (upright: Sharp) => Sharp> = {
    1: (upright) => upright,
    2: (upright) => upright.flop(),
    3: (upright) => upright.rotate(180),
    4: (upright) => upright.flip(),
    5: (upright) => upright.rotate(270).flop(),
    6: (upright) => upright.rotate(270),
    7: (upright) => upright.rotate(90).flop(),
    8: (upright) => upright.rotate(90),
  };

  it.each(Object.keys(stored).map(Number))(
    "%i gives the upright image and its upright size",
    async (orientation) => {
      const expected = redAndBlue();
      const upright = await sharp(expected, { raw: { height: 20, width: 40, channels: 3 } })
        .png()
        .toBuffer();
      const turned = await (stored[orientation] as (upright: Sharp) => Sharp)(sharp(upright))
        .png()
        .toBuffer();
      const bytes = await sharp(turned)
        .jpeg({ quality: 95, chromaSubsampling: "4:4:4" })
        .withMetadata({ orientation })
        .toBuffer();
      const { pixels } = await decodeFile(bytes, "srgb");
      expect([pixels.height, pixels.width]).toEqual([20, 40]);
      expect(difference(pixels.data, expected)).toBeLessThanOrEqual(60);
      const small = await decodeImage(bytes, spec({ height: 5, width: 10 }));
      expect(
        difference(small, await decodeImage(upright, spec({ height: 5, width: 10 }))),
      ).toBeLessThanOrEqual(10);
    },
  );
});

describe("files that are no whole images", () => {
  it("a JPEG cut anywhere, also by its last 3 bytes, is damaged", async () => {
    const whole = await sampleImage(200, 200).jpeg().toBuffer();
    for (const length of [whole.length - 3, whole.length >> 1, 200]) {
      expect(await reasonOf(whole.subarray(0, length))).toMatch(
        /^INPUT: is a damaged JPEG image \(.+\); copy it again/,
      );
    }
  });

  it.each(["png", "webp", "gif"] as const)("a %s cut to half or by 3 bytes is damaged", async (format) => {
    const whole = await sampleImage(200, 200).toFormat(format).toBuffer();
    for (const length of [whole.length - 3, whole.length >> 1]) {
      expect(await reasonOf(whole.subarray(0, length))).toMatch(/^INPUT: is a damaged/);
    }
  });

  it("every other kind of file is named by its content, with advice", async () => {
    const named = {
      "a file of zero bytes": Buffer.alloc(4096),
      "an empty file": Buffer.alloc(0),
      "an HTML page": Buffer.from("\n<!DOCTYPE html><html><body>404"),
      "a BMP image": Buffer.from("BM\x36\0\0\0\0\0\0\0"),
      "an HEIC image": Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"),
      "an SVG drawing": Buffer.from('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>'),
      "a text file": Buffer.from("name,label\n"),
      "a PDF document": Buffer.from("%PDF-1.7"),
    };
    for (const [name, bytes] of Object.entries(named))
      expect(await reasonOf(bytes)).toContain(`INPUT: is ${name}`);
    expect(await reasonOf(named["an HEIC image"])).toContain(
      "convert it to JPEG or PNG, e.g. magick image.heic",
    );
  });

  it("formats are recognised by content", async () => {
    for (const format of ["jpeg", "png", "gif", "webp", "tiff", "avif"] as const) {
      const bytes = await sampleImage().toFormat(format).toBuffer();
      expect(detectFormat(bytes)).toEqual({ supported: true, format });
    }
  });

  it("an image of more pixels than allowed is refused before it is decoded", async () => {
    const bytes = await sampleImage().png().toBuffer();
    bytes.writeUInt32BE(17_000, 16);
    bytes.writeUInt32BE(16_000, 20);
    bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
    expect(await reasonOf(bytes)).toMatch(/more than 268,402,689 pixels; make it smaller/);
  });
});

describe("resizing", () => {
  it("area is the mean of each box, bilinear meets both ends, one size changes nothing", () => {
    const from = {
      height: 4,
      width: 4,
      channels: 1,
      data: Uint8Array.from({ length: 16 }, (_, at) => at * 10),
    } as const;
    expect([...resizePixels(from, { height: 2, width: 2, resize: "area" })]).toEqual([25, 45, 105, 125]);
    expect([...resizePixels(from, { height: 1, width: 1, resize: "area" })]).toEqual([75]);
    const row = { height: 1, width: 2, channels: 1, data: Uint8Array.of(0, 200) } as const;
    expect([...resizePixels(row, { height: 1, width: 4, resize: "bilinear" })]).toEqual([0, 50, 150, 200]);
    expect([...resizePixels(row, { height: 1, width: 3, resize: "area" })]).toEqual([0, 100, 200]);
    expect(resizePixels(from, { height: 4, width: 4, resize: "bilinear" })).toBe(from.data);
  });

  it("each rule keeps a flat colour flat at odd ratios, up and down", () => {
    const from = { height: 37, width: 53, channels: 3, data: new Uint8Array(37 * 53 * 3).fill(201) } as const;
    for (const resize of ["nearest", "area", "bilinear"] as const) {
      for (const size of [
        [64, 64],
        [7, 11],
        [100, 1],
      ] as const) {
        const made = resizePixels(from, { height: size[0], width: size[1], resize });
        expect(made.every((level) => level === 201)).toBe(true);
      }
    }
  });

  it("nearest takes floor((i + 0.5) * from / to)", () => {
    expect([...nearestIndices(451, 64)]).toEqual(
      Array.from({ length: 64 }, (_, index) => Math.floor(((index + 0.5) * 451) / 64)),
    );
  });
});

describe("the PNGs of IDX images", () => {
  it.each([
    [28, 28],
    [1, 1],
    [300, 301],
  ] as const)("%i x %i come back, here and in sharp", async (height, width) => {
    const data = Uint8Array.from({ length: height * width }, (_, at) => (at * 7) % 256);
    const bytes = encodeGreyPng({ height, width, data });
    expect(decodeGreyPng(bytes)).toEqual({ height, width, data });
    const { data: again, info } = await sharp(bytes)
      .toColourspace("b-w")
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect([info.height, info.width, info.channels]).toEqual([height, width, 1]);
    expect(difference(again, data)).toBe(0);
  });

  it("leaves every other PNG, and a damaged one, to the general decoder", async () => {
    expect(decodeGreyPng(await sampleImage().greyscale().png().toBuffer())).toBeNull();
    expect(decodeGreyPng(await jpeg())).toBeNull();
    const bytes = encodeGreyPng({ height: 4, width: 4, data: new Uint8Array(pixels(4, 4).subarray(0, 16)) });
    for (let at = 0; at < bytes.length; at += 1) {
      const broken = bytes.slice();
      broken[at] = (broken[at] ?? 0) ^ 1;
      expect(decodeGreyPng(broken)).toBeNull();
    }
  });
});
