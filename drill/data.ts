/** What the drill trains on, in its own store: a copy of the user's data set, or images that it draws. */
import { join } from "node:path";
import { defaultImportOptions, importDataset } from "../dataset/importing/import-dataset.js";
import { type Manifest, manifestKey } from "../dataset/manifest.js";
import { readManifest } from "../dataset/manifest-reader.js";
import { TrainyardError } from "../shared/errors.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { drawImages } from "./drawn-images.js";

export interface DatasetRequest {
  /** The drill's store, which gets the data set. */
  readonly store: ObjectStore;
  /** The user's store, only read; null = images are drawn. */
  readonly userStore: ObjectStore | null;
  readonly name: string | undefined;
  /** Folder for the images before they are imported. */
  readonly folder: string;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

/** How many images are drawn. */
export const drawnImages = 320;

/** Puts a data set into the drill's store and returns its name. Errors: NOT_FOUND when the user's store lacks it; the stores'. */
export async function provideDataset(request: DatasetRequest): Promise<string> {
  const { userStore, name, store, folder, seed, signal, say } = request;
  if (userStore !== null && name !== undefined) {
    const manifest = await readManifest(userStore, name, signal);
    if (manifest === null) {
      const sentence = `${userStore.url} has no data set ${name}: trainyard datasets list shows what it has`;
      throw new TrainyardError("NOT_FOUND", sentence);
    }
    say(`1  copy the data set ${name} into a scratch store (${store.url})`);
    await copyDataset(userStore, store, manifest, signal);
    return name;
  }
  say(`1  draw ${drawnImages} images into a scratch store (${store.url})`);
  const source = join(folder, "images");
  await drawImages(source, drawnImages, seed);
  const options = { ...defaultImportOptions, splitSeed: seed };
  return (await importDataset({ source, name: "figures", store, options, signal })).name;
}

/** Copies the shards first and the manifest last, as an import writes them. */
async function copyDataset(from: ObjectStore, to: ObjectStore, manifest: Manifest, signal: AbortSignal) {
  const { train, validation } = manifest.splits;
  const keys = [...train.shards, ...validation.shards].map(({ key }) => key);
  for (const key of [...new Set(keys), manifestKey(manifest.name)]) {
    await to.put(key, await from.get(key, { signal }), { signal });
  }
}
