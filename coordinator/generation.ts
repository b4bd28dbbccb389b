/**
 * Owning a run: the coordinator's life has a number, taken by creating an object that nobody else created; how that
 * life ended, where the run did not finish, is an object too.
 */
import { TrainyardError } from "../shared/errors.js";
import { asGeneration, type Generation } from "../shared/ids.js";
import { runKey } from "../shared/spec.js";
import { type EndRecord, GenerationRecord } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** The highest generation that was ever taken; 0 = none. */
export async function lastGeneration(store: ObjectStore, run: string): Promise<number> {
  let last = 0;
  const prefix = runKey(run, "generations/");
  for await (const { key } of store.list(prefix)) {
    const generation = Number(key.slice(prefix.length).replace(/\.json$/, ""));
    if (Number.isSafeInteger(generation)) last = Math.max(last, generation);
  }
  return last;
}

/** Every record that was written. Errors: the store's. */
export async function listGenerations(store: ObjectStore, run: string): Promise<GenerationRecord[]> {
  const records: GenerationRecord[] = [];
  const prefix = runKey(run, "generations/");
  for await (const { key } of store.list(prefix)) {
    const generation = Number(key.slice(prefix.length).replace(/\.json$/, ""));
    const record = Number.isSafeInteger(generation) ? await readGeneration(store, run, generation) : null;
    if (record !== null) records.push(record);
  }
  return records;
}

/** Who took that number; null when nobody did, or when what is there is no record. Errors: the store's. */
export async function readGeneration(
  store: ObjectStore,
  run: string,
  generation: number,
): Promise<GenerationRecord | null> {
  if (generation === 0) return null;
  const bytes = await store.get(runKey(run, "generations", `${generation}.json`));
  const record = GenerationRecord.safeParse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  return record.success ? record.data : null;
}

/** Takes the number. Errors: ALREADY_EXISTS when another coordinator was faster. */
export async function claimGeneration(
  store: ObjectStore,
  run: string,
  record: GenerationRecord,
): Promise<Generation> {
  const generation = asGeneration(record.generation);
  try {
    await store.put(
      runKey(run, "generations", `${generation}.json`),
      Buffer.from(`${JSON.stringify(record, null, 2)}\n`),
      { ifNoneMatch: true, contentType: "application/json" },
    );
  } catch (error) {
    if (!(error instanceof TrainyardError && error.code === "ALREADY_EXISTS")) throw error;
    throw new TrainyardError("ALREADY_EXISTS", `another coordinator has just taken the run ${run}`, {
      cause: error,
    });
  }
  return generation;
}

/** Others then know that the run was stopped or has failed, and not cut off. Once. Errors: the store's. */
export async function recordEnd(
  store: ObjectStore,
  run: string,
  record: EndRecord,
  signal: AbortSignal,
): Promise<void> {
  const key = runKey(run, "ends", `${record.generation}.json`);
  const body = Buffer.from(`${JSON.stringify(record, null, 2)}\n`);
  await store.put(key, body, { ifNoneMatch: true, contentType: "application/json", signal });
}
