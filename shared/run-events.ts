/** What happened in a run, in words: the events of its log segments, as they were sealed. */
import { z } from "zod";
import { listSegments, outermost } from "./log-segments.js";
import { getIfThere } from "./store/document.js";
import type { ObjectStore } from "./store/object-store.js";

/** One event of a run's log. */
export const RunEvent = z.object({
  /** ISO 8601 in UTC. */
  at: z.string(),
  level: z.string(),
  message: z.string(),
  /** Ids: worker, step, epoch … */
  fields: z.record(z.string(), z.unknown()),
});
export type RunEvent = z.infer<typeof RunEvent>;

/**
 * In their order, of the generations before `before`. What a coordinator did not live to seal is not there; what can't be
 * read is left out. Errors: the store's.
 */
export async function* sealedEvents(
  store: ObjectStore,
  run: string,
  before = Number.POSITIVE_INFINITY,
  signal?: AbortSignal,
): AsyncGenerator<RunEvent> {
  for (const { key, generation } of outermost(await listSegments(store, run, signal))) {
    if (generation >= before) continue;
    const bytes = await getIfThere(store, key, signal);
    if (bytes !== null) yield* eventsOf(Buffer.from(bytes).toString("utf8"));
  }
}

function* eventsOf(text: string): Generator<RunEvent> {
  for (const line of text.split("\n")) {
    if (!line.includes('"kind":"event"')) continue;
    const event = RunEvent.safeParse(jsonOrNull(line));
    if (event.success) yield event.data;
  }
}

function jsonOrNull(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}
