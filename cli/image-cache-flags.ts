/** A worker's memory and disk for decoded images, from its flags, and how the flags reach a worker. */
import { join } from "node:path";
import type { ImageCacheOptions } from "../dataset/image-loader.js";
import { cacheFolder } from "../engine/native/setup/cache-folder.mjs";
import type { ImageCacheFlags } from "../shared/settings/process-settings.js";

/** `onGivenUp` gets a clause that says why the disk can't be used. */
export function keepingOf(flags: ImageCacheFlags, onGivenUp: (reason: string) => void): ImageCacheOptions {
  const folder = join(cacheFolder(), "pictures");
  return {
    memoryBytes: flags.imageCacheMemory,
    file: { folder, budgetBytes: flags.imageCacheDisk, onGivenUp },
  };
}
