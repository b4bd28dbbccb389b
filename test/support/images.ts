/** Images and folders of images that import and decode tests are made of. Each image is unlike the others. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll } from "vitest";

/** A smooth image of its own for each seed, uint8 [height, width, 3]. */
export function pixels(height: number, width: number, seed = 0): Buffer {
  const made = Buffer.alloc(height * width * 3);
  for (let at = 0; at < made.length; at += 1) {
    const [pixel, channel] = [Math.floor(at / 3), at % 3];
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    made[at] = (row * (3 + channel) + column * (5 - channel) + seed * 37) % 256;
  }
  return made;
}

/** The image as a sharp pipeline, to be saved in any format. */
export function sampleImage(height = 24, width = 32, seed = 0): Sharp {
  return sharp(pixels(height, width, seed), { raw: { height, width, channels: 3 } });
}

export const jpeg = (seed = 0, height = 24, width = 32) => sampleImage(height, width, seed).jpeg().toBuffer();

/** One colour all over. */
export const flat = (background: { r: number; g: number; b: number }, height = 16, width = 16): Sharp =>
  sharp({ create: { height, width, channels: 3, background } });

/** Makes folders that are gone after the file's tests. */
export function temporaryFolders(): () => Promise<string> {
  const made: string[] = [];
  afterAll(() => Promise.all(made.map((folder) => rm(folder, { recursive: true, force: true }))));
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), "trainyard-images-"));
    made.push(folder);
    return folder;
  };
}

/** Writes files below the folder, in the order given. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, Uint8Array | string>>,
): Promise<void> {
  for (const [path, body] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, body);
  }
}
