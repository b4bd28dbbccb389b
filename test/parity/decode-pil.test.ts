/** As-stored pixels and the nearest rule equal PIL's, pixel for pixel: what Keras' load_img would have given. */
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeFile, decodeImage, withChannels } from "../../dataset/decoding/decode-image.js";
import { nearestIndices } from "../../dataset/decoding/resize.js";
import { sampleImage, temporaryFolders } from "../support/images.js";
import { kerasPython } from "../support/parts.js";

const script = fileURLToPath(new URL("decode_with_pil.py", import.meta.url));
const shared = "../shared/data";
const newFolder = temporaryFolders();

const photographs = ["clothing", "faces", "signs"].flatMap((set) =>
  readdirSync(join(shared, set, "validation"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name }) => {
      const folder = join(shared, set, "validation", name);
      return readdirSync(folder).map((file) => join(folder, file));
    }),
);

/** From 1 to 700 pixels to sizes that models use, and odd ones, up and down. */
const sizes = Array.from({ length: 700 }, (_, index) => index + 1).flatMap((from) =>
  [1, 7, 28, 31, 48, 64, 96, 127, 150, 224, 299].map((to) => [from, to] as const),
);

const resizeTo = [
  [64, 64],
  [31, 77],
  [400, 451],
  [500, 700],
] as const;

let out: string;
let odd: string[];
let resized: [path: string, height: number, width: number][];
beforeAll(async () => {
  out = await newFolder();
  odd = await oddFiles(out);
  resized = photographs
    .slice(0, 12)
    .flatMap((path) => resizeTo.map(([height, width]) => [path, height, width] as [string, number, number]));
  const decode = [...photographs, ...odd].flatMap((path) => [
    [path, "RGB"],
    [path, "L"],
  ]);
  const job = join(out, "job.json");
  await writeFile(job, JSON.stringify({ decode, sizes, resize: resized }));
  execFileSync(kerasPython(), [script, job, out], { stdio: ["ignore", "inherit", "inherit"] });
});

/** The same image in every form that a folder of photographs may hold. */
async function oddFiles(folder: string): Promise<string[]> {
  const grey = () => sampleImage().greyscale();
  const translucent = () => sampleImage().ensureAlpha(0.4);
  const files = {
    "grey.png": grey().png(),
    "grey-alpha.png": grey().ensureAlpha(0.4).png(),
    "rgba.png": translucent().png(),
    "palette.png": sampleImage().png({ palette: true, colours: 16 }),
    "one-bit.png": sampleImage().threshold(128).png({ palette: true, colours: 2 }),
    "grey.jpg": grey().jpeg(),
    "progressive.jpg": sampleImage().jpeg({ progressive: true }),
    "full-chroma.jpg": sampleImage().jpeg({ chromaSubsampling: "4:4:4" }),
    "cmyk.jpg": sampleImage().toColourspace("cmyk").jpeg(),
    "cmyk.tif": sampleImage().toColourspace("cmyk").tiff(),
    "rgb.tif": sampleImage().tiff(),
    "rgb.webp": sampleImage().webp(),
    "rgb.gif": sampleImage().gif(),
  };
  return Promise.all(
    Object.entries(files).map(async ([name, pipeline]) => {
      await pipeline.toFile(join(folder, name));
      return join(folder, name);
    }),
  );
}

async function largestDifference(path: string, pixels: Uint8Array): Promise<number> {
  const theirs = await readFile(path);
  expect(pixels.length).toBe(theirs.length);
  let most = 0;
  pixels.forEach((level, at) => {
    most = Math.max(most, Math.abs(level - (theirs[at] ?? 0)));
  });
  return most;
}

describe("PIL", () => {
  it("sees the same pixels in every photograph and every form of file, in colour and in grey", async () => {
    const different: string[] = [];
    for (const [index, path] of [...photographs, ...odd].entries()) {
      const { pixels } = await decodeFile(await readFile(path), "as-stored");
      for (const [channels, number] of [
        [3, index * 2],
        [1, index * 2 + 1],
      ] as const) {
        const difference = await largestDifference(
          join(out, `${number}.raw`),
          withChannels(pixels, channels).data,
        );
        if (difference > 0) different.push(`${path} with ${channels} channels: ${difference}`);
      }
    }
    expect(different).toEqual([]);
  });

  it("sees the same pixels under the default colour rule too, where a photograph has no profile", async () => {
    const untagged = photographs.flatMap((path, index) =>
      path.includes("signs") ? [] : [[path, index] as const],
    );
    expect(untagged.length).toBeGreaterThan(100);
    for (const [path, index] of untagged) {
      const { pixels } = await decodeFile(await readFile(path), "srgb");
      expect(await largestDifference(join(out, `${index * 2}.raw`), pixels.data)).toBe(0);
    }
  });

  it("takes the same source pixels, from 1 to 700 to eleven sizes", async () => {
    const theirs: number[][] = JSON.parse(await readFile(join(out, "nearest.json"), "utf8"));
    const different = sizes.filter(
      ([from, to], index) => [...nearestIndices(from, to)].join() !== theirs[index]?.join(),
    );
    expect(different).toEqual([]);
  });

  it("resizes photographs to the same pixels, up and down, at odd ratios", async () => {
    for (const [index, [path, height, width]] of resized.entries()) {
      const spec = { height, width, channels: 3, resize: "nearest", colour: "as-stored" } as const;
      const ours = await decodeImage(await readFile(path), spec);
      expect(await largestDifference(join(out, `resize-${index}.raw`), ours)).toBe(0);
    }
  });
});
