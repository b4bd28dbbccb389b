/**
 * `queue/<number>.json`: runs that wait for a standing coordinator, in the order of their numbers, the one under way
 * first. An entry stays until its run has ended for good. Reading only; who writes is coordinator/standing.
 */
import { z } from "zod";
import { readDocument } from "./store/document.js";
import type { ObjectStore } from "./store/object-store.js";

/** A run in the queue of a standing coordinator. */
export const QueueEntry = z.object({
  number: z.number().int().positive(),
  /** Drawn when the run is handed in: a number may be given again. Entries of earlier versions have none. */
  id: z.string().default(""),
  run: z.string(),
  /** ISO 8601 in UTC. */
  submittedAt: z.string(),
  /** The person who submitted the run, as the coordinator identified them. */
  by: z.string(),
  /** The run's newest generation then; 0 = none. How that one ended does not count any more. */
  after: z.number().int().nonnegative().default(0),
});
export type QueueEntry = z.infer<typeof QueueEntry>;

/** True when both are the same submission; the run alone may have been handed in twice. */
export const isSameEntry = (a: QueueEntry, b: QueueEntry) => a.number === b.number && a.id === b.id;

const prefix = "queue/";
/** The key of a queue entry. */
export const queueKey = (number: number) => `${prefix}${String(number).padStart(8, "0")}.json`;

/** In order. Errors: DAMAGED naming the object; the store's. */
export async function readQueue(store: ObjectStore, signal?: AbortSignal): Promise<QueueEntry[]> {
  const entries: QueueEntry[] = [];
  for (const number of await queueNumbers(store, signal)) {
    // One that was removed between the two calls is none.
    const entry = await readDocument(store, queueKey(number), QueueEntry, signal);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** Ascending. Errors: the store's. */
export async function queueNumbers(store: ObjectStore, signal?: AbortSignal): Promise<number[]> {
  const numbers: number[] = [];
  for await (const { key } of store.list(prefix, signal === undefined ? {} : { signal })) {
    const digits = /^(\d{8,})\.json$/.exec(key.slice(prefix.length))?.[1];
    if (digits !== undefined) numbers.push(Number(digits));
  }
  return numbers.sort((a, b) => a - b);
}

/** In words: `2 runs before it`. */
export const placeInWords = (ahead: number): string => {
  if (ahead === 0) return "it is next";
  return ahead === 1 ? "1 run before it" : `${ahead} runs before it`;
};
