/**
 * A checkpoint is whole if its manifest is in the store and every object that the manifest names has the bytes and the
 * SHA-256 that it says. So the manifest is written after the objects and deleted before them, and a resumed run
 * verifies each object before it goes on from the checkpoint. A coordinator may die between any two of these calls.
 */
import {
  type CheckpointManifest,
  checkpointManifestKey,
  checkpointPrefix,
  readCheckpointManifest,
} from "../../shared/checkpoint.js";
import { TrainyardError } from "../../shared/errors.js";
import { encodeDocument } from "../../shared/store/document.js";
import { getHashed } from "../../shared/store/hashed.js";
import type { ObjectStore } from "../../shared/store/object-store.js";

/** Declares a checkpoint whole. Every object that the manifest names must be in the store. Errors: the store's. */
export async function writeManifest(store: ObjectStore, manifest: CheckpointManifest): Promise<void> {
  const key = checkpointManifestKey(manifest.run, manifest.checkpoint);
  await store.put(key, encodeDocument(manifest), { contentType: "application/json" });
}

/**
 * Deletes a checkpoint's manifest, if it is there: the checkpoint is not whole any more. It must be called before an
 * object of the checkpoint is written anew or deleted. Errors: the store's.
 */
export async function withdrawManifest(store: ObjectStore, run: string, checkpoint: string): Promise<void> {
  await store.delete(checkpointManifestKey(run, checkpoint));
}

/** Deletes a checkpoint, its manifest first, so that a half-deleted checkpoint is not whole. Errors: the store's. */
export async function deleteCheckpoint(store: ObjectStore, run: string, checkpoint: string): Promise<void> {
  await withdrawManifest(store, run, checkpoint);
  for await (const { key } of store.list(`${checkpointPrefix(run, checkpoint)}/`)) await store.delete(key);
}

/** One object of a checkpoint, verified. */
export interface VerifiedObject {
  readonly key: string;
  readonly bytes: Uint8Array;
}

/** A whole checkpoint: its manifest and all its objects. */
export class VerifiedCheckpoint {
  readonly manifest: CheckpointManifest;
  readonly #objects: readonly VerifiedObject[];

  constructor(manifest: CheckpointManifest, objects: readonly VerifiedObject[]) {
    this.manifest = manifest;
    this.#objects = objects;
  }

  /** The object of this file name, such as `state.json`. Errors: DAMAGED when the manifest names none. */
  file(name: string): VerifiedObject {
    const found = this.#objects.find(({ key }) => key.endsWith(`/${name}`));
    if (found === undefined) throw new TrainyardError("DAMAGED", `its manifest lists no ${name}`);
    return found;
  }
}

/**
 * Reads a checkpoint's manifest and every object that it names. Errors: NOT_FOUND when the manifest or an object is
 * missing; DAMAGED, with the file's name, when one is not as the manifest says; the store's.
 */
export async function readVerified(
  store: ObjectStore,
  run: string,
  checkpoint: string,
): Promise<VerifiedCheckpoint> {
  const manifest = await readCheckpointManifest(store, run, checkpoint);
  const objects: VerifiedObject[] = [];
  for (const object of manifest.objects) {
    const name = object.key.slice(object.key.lastIndexOf("/") + 1);
    const bytes = await getHashed(store, object.key, object).catch((error: unknown) => {
      throw sentenceOf(error, name);
    });
    objects.push({ key: object.key, bytes });
  }
  return new VerifiedCheckpoint(manifest, objects);
}

function sentenceOf(error: unknown, name: string): unknown {
  if (!(error instanceof TrainyardError)) return error;
  if (error.code === "NOT_FOUND") return new TrainyardError("NOT_FOUND", `${name} is missing`);
  if (error.code !== "DAMAGED") return error;
  return new TrainyardError("DAMAGED", `${name} is cut or altered (its SHA-256 is not the manifest's)`);
}
