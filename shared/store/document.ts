/** JSON documents in the store: read, checked against a schema, or an error that names the object. */
import type { z } from "zod";
import { TrainyardError } from "../errors.js";
import { refuseUnknownFormat } from "../formats.js";
import type { ObjectStore } from "./object-store.js";

/** A JSON document as bytes. */
export const encodeDocument = (value: unknown): Uint8Array =>
  Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** Reads an object; null when it does not exist. Errors: the store's. */
export async function getIfThere(
  store: ObjectStore,
  key: string,
  signal?: AbortSignal,
): Promise<Uint8Array | null> {
  try {
    return await store.get(key, signal === undefined ? {} : { signal });
  } catch (error) {
    if (error instanceof TrainyardError && error.code === "NOT_FOUND") return null;
    throw error;
  }
}

/** Reads and parses a JSON object; null when it does not exist. Errors: DAMAGED when it is not JSON; the store's. */
export async function readJson(store: ObjectStore, key: string, signal?: AbortSignal): Promise<unknown> {
  const bytes = await getIfThere(store, key, signal);
  if (bytes === null) return null;
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as unknown;
  } catch (error) {
    throw new TrainyardError("DAMAGED", `${key} in ${store.url} is not JSON`, { cause: error });
  }
}

/**
 * Reads a JSON object and checks it against a schema; null when it does not exist. Errors: UNKNOWN_FORMAT when another
 * version wrote it, DAMAGED when it does not fit the schema; the store's.
 */
export async function readDocument<T>(
  store: ObjectStore,
  key: string,
  schema: z.ZodType<T>,
  signal?: AbortSignal,
): Promise<T | null> {
  const value = await readJson(store, key, signal);
  return value === null ? null : parsedDocument(schema, value, key);
}

/** Checks a JSON value against a schema. Errors: UNKNOWN_FORMAT, DAMAGED, naming the object. */
export function parsedDocument<T>(schema: z.ZodType<T>, value: unknown, key: string): T {
  refuseUnknownFormat(value, key);
  const outcome = schema.safeParse(value);
  if (outcome.success) return outcome.data;
  throw new TrainyardError("DAMAGED", `${key} is not what this version of Trainyard writes`, {
    cause: outcome.error,
  });
}
