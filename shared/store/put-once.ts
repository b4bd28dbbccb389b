/**
 * Creates an object that is never written twice. An object that already exists is compared with the new one, so that a
 * repeat after a lost answer is not mistaken for another writer's object.
 */
import { TrainyardError } from "../errors.js";
import type { ObjectStore } from "./object-store.js";

/** How an object is created once. */
export interface PutOnceOptions {
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** When is what lies there as good as these bytes? Default: equal bytes. */
  readonly isSame?: (there: Uint8Array, bytes: Uint8Array) => boolean;
}

/**
 * `created`: this call created the object. `same`: an equal object exists. `other`: a different object exists, and
 * stays.
 */
export type PutOnce = "created" | "same" | "other";

/** True when two byte arrays are equal. */
export const isEqual = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** Atomic: of several callers exactly one creates it. Errors: the store's. */
export async function putOnce(
  store: ObjectStore,
  key: string,
  bytes: Uint8Array,
  { contentType, signal, isSame = isEqual }: PutOnceOptions = {},
): Promise<PutOnce> {
  const options = signal === undefined ? {} : { signal };
  try {
    await store.put(key, bytes, {
      ifNoneMatch: true,
      ...options,
      ...(contentType === undefined ? {} : { contentType }),
    });
    return "created";
  } catch (error) {
    if (!(error instanceof TrainyardError && error.code === "ALREADY_EXISTS")) throw error;
  }
  return isSame(await store.get(key, options), bytes) ? "same" : "other";
}
