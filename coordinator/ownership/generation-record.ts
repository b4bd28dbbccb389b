/**
 * The objects that say whose a run is: a number is taken by creating an object that nobody else created; how a
 * coordinator ended whose run did not finish is an object too. What rests on them is in ownership.ts.
 */
import { type ClosingRecord, type GenerationRecord, generationKey } from "../../shared/generations.js";
import { type EndRecord, endKey } from "../../shared/status.js";
import { encodeDocument } from "../../shared/store/document.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { putOnce } from "../../shared/store/put-once.js";

const contentType = "application/json";

/**
 * True when the number is this writer's, also when it had created it already and the answer was lost; false when
 * somebody else was faster. Errors: the store's.
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

/** By the number's owner only. Errors: the store's. */
export async function rewriteRecord(
  store: ObjectStore,
  run: string,
  record: GenerationRecord,
  signal: AbortSignal,
): Promise<void> {
  await store.put(generationKey(run, record.generation), encodeDocument(record), { contentType, signal });
}

/** Others then know that the run was stopped or has failed, and not cut off. Once. Errors: the store's. */
export async function recordEnd(
  store: ObjectStore,
  run: string,
  record: EndRecord,
  signal: AbortSignal,
): Promise<void> {
  await putOnce(store, endKey(run, record.generation), encodeDocument(record), { contentType, signal });
}
