/** Flags of a worker's memory and disk for decoded pictures, and how they reach it. They change no bit of a run. */
import { join } from "node:path";
import type { Options } from "yargs";
import type { ImageCacheOptions } from "../dataset/image-loader.js";
import { cacheFolder } from "../engine/native/setup/cache-folder.mjs";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";

/** As parsed: bytes. */
export interface ImageCacheFlags {
  imageCacheMemory: number;
  imageCacheDisk: number;
}

const gibibyte = 1024 ** 3;
const units: Readonly<Record<string, number>> = {
  "": 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: gibibyte,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};

/** "512MiB", "1.5 GiB", "100MB", "0". Errors: USAGE. */
export function parseBytes(name: string, text: unknown): number {
  const written = String(text).trim();
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/i.exec(written) ?? [];
  const factor = units[unit.toLowerCase()];
  if (Array.isArray(text) || number === undefined || factor === undefined) {
    throw new TrainyardError(
      "USAGE",
      `--${name} must be a size like 512MiB or 4GiB, or 0 for none, not ${JSON.stringify(written)}`,
    );
  }
  return Math.floor(Number(number) * factor);
}

const bytesOption = (name: string, bytes: number, describe: string) =>
  ({
    default: `${bytes / gibibyte}GiB`,
    requiresArg: true,
    describe,
    coerce: (text: unknown): number => parseBytes(name, text),
  }) satisfies Options;

/** `group`: the heading that they stand under in a command's help. */
export const pictureOptions = (group?: string) => {
  const under = group === undefined ? {} : { group };
  return {
    "image-cache-memory": {
      ...bytesOption(
        "image-cache-memory",
        limits.imageCacheBytes,
        "Memory of a worker for decoded pictures: epochs after the first then decode nothing",
      ),
      ...under,
    },
    "image-cache-disk": {
      ...bytesOption(
        "image-cache-disk",
        limits.imageFileBytes,
        "Disk of a worker for those that find no room there, in the user's cache folder, while 2 GiB there stay free; 0 = none",
      ),
      ...under,
    },
  };
};

/** `onGivenUp`: told in a clause when the disk can't be used. */
export function keepingOf(flags: ImageCacheFlags, onGivenUp: (reason: string) => void): ImageCacheOptions {
  const folder = join(cacheFolder(), "pictures");
  return {
    memoryBytes: flags.imageCacheMemory,
    file: { folder, budgetBytes: flags.imageCacheDisk, onGivenUp },
  };
}

/** The flags again, for a worker that is started from here; what is not given is the worker's to choose. */
export const imageCacheWords = ({ imageCacheMemory, imageCacheDisk }: Partial<ImageCacheFlags>): string[] => [
  ...(imageCacheMemory === undefined ? [] : ["--image-cache-memory", String(imageCacheMemory)]),
  ...(imageCacheDisk === undefined ? [] : ["--image-cache-disk", String(imageCacheDisk)]),
];
