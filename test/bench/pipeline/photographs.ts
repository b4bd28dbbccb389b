/**
 * The bench's photographs: JPEG files of 200x200 in two class folders, cut from photographs by a fixed seed, so that
 * every program reads the same files. Made once in the temporary folder.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { RandomStream } from "../../../shared/random.js";
import { photographs } from "../../support/program.js";

const side = 200;

/** For validation, in `validation/<class>/`. */
const validation = 32;

/** A folder whose `train/<class>/` hold so many photographs. */
export async function cutPhotographs(count: number): Promise<string> {
  const folder = join(tmpdir(), `trainyard-bench-photographs-${count}`);
  const marker = join(folder, "whole");
  if (existsSync(marker)) return folder;
  rmSync(folder, { recursive: true, force: true });
  const originals = filesBelow(photographs("clothing"));
  for (let at = 0; at < count + validation; at += 1) {
    const original = originals[at % originals.length] as string;
    const into = join(folder, at < count ? "train" : "validation", at % 2 === 0 ? "a" : "b");
    mkdirSync(into, { recursive: true });
    const photograph = await cutOut(original, new RandomStream(at, 2_000));
    writeFileSync(join(into, `${String(at).padStart(6, "0")}.jpg`), photograph);
  }
  writeFileSync(marker, "");
  return folder;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".jpg"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** A square of 60 to 100 % of the photograph, a little brighter or darker, without colour profile. */
async function cutOut(file: string, random: RandomStream): Promise<Uint8Array> {
  const { width, height } = await sharp(file).metadata();
  const cut = Math.floor(Math.min(width, height) * random.nextBetween(0.6, 1));
  return await sharp(file)
    .extract({
      left: random.nextBelow(width - cut + 1),
      top: random.nextBelow(height - cut + 1),
      width: cut,
      height: cut,
    })
    .resize(side, side)
    .modulate({ brightness: random.nextBetween(0.9, 1.1) })
    .jpeg({ quality: 90 })
    .toBuffer();
}
