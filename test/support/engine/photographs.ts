/** Micro-batches of real photographs: noise has near-ties in every max-pool, on which float32 and float64 part. */
import { readdirSync } from "node:fs";
import sharp from "sharp";
import type { EngineSpec, MicroBatch } from "../../../engine/engine.js";
import { microBatch } from "./spec.js";

const folder = "../shared/data/faces/train";

/** As `microBatch`, with the first photographs of the shared faces, taken from both folders in turn. */
export async function photographBatch(spec: EngineSpec, samples: number): Promise<MicroBatch> {
  const { height, width, channels } = spec.image;
  const batch = microBatch(spec, samples);
  const images = new Uint8Array(batch.images.length);
  for (const [index, path] of photographPaths(samples).entries()) {
    const image = sharp(path).resize(width, height, { fit: "fill" });
    const pixels = await (channels === 1 ? image.greyscale() : image.removeAlpha()).raw().toBuffer();
    images.set(pixels, index * height * width * channels);
  }
  return { ...batch, images };
}

function photographPaths(count: number): string[] {
  const perClass = ["female", "male"].map((name) =>
    readdirSync(`${folder}/${name}`)
      .sort()
      .map((file) => `${folder}/${name}/${file}`),
  );
  return Array.from({ length: count }, (_, index) => perClass[index % 2]?.[index >> 1] ?? "");
}
