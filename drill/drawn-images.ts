/** Draws images to train on where no data set is named: discs and squares, from a seed. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { hashWords } from "../shared/random.js";

/** Height and width of an image in pixels. */
const side = 64;
const classes = ["discs", "squares"] as const;

/** Writes `count` PNG files below `folder`, in one folder for each class. The same seed draws the same images. */
export async function drawImages(folder: string, count: number, seed: number): Promise<void> {
  for (const name of classes) await mkdir(join(folder, name), { recursive: true });
  for (let index = 0; index < count; index += 1) {
    const name = classes[index % classes.length] as (typeof classes)[number];
    const file = join(folder, name, `${String(index).padStart(4, "0")}.png`);
    await writeFile(file, await draw(name, hashWords(seed, index)));
  }
}

/** Draws one figure on a plain ground; `word` decides its place, size and colours. */
function draw(name: (typeof classes)[number], word: number): Promise<Buffer> {
  const part = (purpose: number, below: number) => hashWords(word, purpose) % below;
  const radius = 9 + part(1, 12);
  const [x, y] = [radius + part(2, side - 2 * radius), radius + part(3, side - 2 * radius)];
  const colour = (first: number, base: number) => [0, 1, 2].map((i) => base + part(first + i, 110));
  const [figure, ground] = [colour(4, 140), colour(7, 10)];
  const pixels = Buffer.alloc(side * side * 3);
  for (let at = 0; at < side * side; at += 1) {
    const [dx, dy] = [(at % side) - x, Math.floor(at / side) - y];
    const isInside =
      name === "discs"
        ? dx * dx + dy * dy <= radius * radius
        : Math.max(Math.abs(dx), Math.abs(dy)) <= radius;
    pixels.set(isInside ? figure : ground, 3 * at);
  }
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}
