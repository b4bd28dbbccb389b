/** The images that a data set of a golden store was imported from, taken out of its shards byte for byte. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * @typedef {{ offset: number, bytes: number, source: string }} Sample
 * @typedef {{ shards: { key: string, samples: Sample[] }[] }} Split
 */

/**
 * Writes each image to the place below `target` that it was imported from.
 * @param {string} store the folder of the store
 * @param {string} dataset
 * @param {string} target
 */
export function writeSourceImages(store, dataset, target) {
  const manifest = JSON.parse(readFileSync(join(store, "datasets", dataset, "manifest.json"), "utf8"));
  /** @type {Split[]} */
  const splits = [manifest.splits.train, manifest.splits.validation];
  for (const { key, samples } of splits.flatMap(({ shards }) => shards)) {
    const shard = readFileSync(join(store, key));
    for (const { offset, bytes, source } of samples) {
      const file = join(target, source);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, shard.subarray(offset, offset + bytes));
    }
  }
}
