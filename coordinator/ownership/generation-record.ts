/**
 * Reads and writes the objects that say which coordinator owns a run. A generation number is taken by creating its
 * object, which must not exist yet. Another object says how a coordinator's run ended when it did not finish. The rules
 * of ownership are in ownership.ts (docs/design/store-and-fencing.md).
 */
import { type ClosingRecord, type GenerationRecord, generationKey } from "../../shared/generations.js";
import { type EndRecord, endKey } from "../../shared/status.js";
import { encodeDocument } from "../../shared/store/document.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { putOnce } from "../../shared/store/put-once.js";

const contentType = "application/json";

/**
 * Creates the object of a generation number. True when this coordinator has the number, also when an earlier call
 * created the object and its answer was lost; false when another coordinator has it. Errors: the store's.
 */
export async function takeNumber(
  store: ObjectStore,
  run: string,
  record: GenerationRecord | ClosingRecord,
  signal?: AbortSignal,
): Promise<boolean> {
  const options = signal === undefined ? { contentType } : { contentType, signal };
  const key = generationKey(run, record.generation);
  return (await putOnce(store, key, encodeDocument(record), options)) !== "other";
}

/** Replaces the record of a generation number. Only its owner may call this. Errors: the store's. */
export async function rewriteRecord(
  store: ObjectStore,
  run: string,
  record: GenerationRecord,
  signal: AbortSignal,
): Promise<void> {
  await store.put(generationKey(run, record.generation), encodeDocument(record), { contentType, signal });
}

/**
 * Writes how the run ended, so that other processes know that it was stopped or failed, and was not cut off. Called
 * once. Errors: the store's.
 */
export async function recordEnd(
  store: ObjectStore,
  run: string,
  record: EndRecord,
  signal: AbortSignal,
): Promise<void> {
  await putOnce(store, endKey(run, record.generation), encodeDocument(record), { contentType, signal });
}
