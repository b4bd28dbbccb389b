/** Reads from a run's records in the store whether a standing coordinator has to go on with it. */
import { newestGeneration } from "../../shared/generations.js";
import { findPublication } from "../../shared/publication.js";
import { runKey } from "../../shared/spec.js";
import { readEndRecord } from "../../shared/status.js";
import type { ObjectStore } from "../../shared/store/object-store.js";

/** What the store knows of how a run went. */
export type RunOutcome =
  /** The run was not begun yet, or it was cut off or interrupted. */
  | { readonly tag: "open"; readonly generation: number }
  | {
      readonly tag: "over";
      readonly generation: number;
      readonly outcome: "finished" | "stopped" | "failed";
      readonly reason: string;
    }
  /** There is no such run. */
  | { readonly tag: "unknown" };

/** How a run ended, if it did. `after`: ends of generations up to this one do not count. Errors: DAMAGED, the store's. */
export async function outcomeOf(
  store: ObjectStore,
  run: string,
  after = 0,
  signal?: AbortSignal,
): Promise<RunOutcome> {
  const options = signal === undefined ? {} : { signal };
  if ((await store.stat(runKey(run, "spec.json"), options)) === null) return { tag: "unknown" };
  const newest = await newestGeneration(store, run, signal);
  if (newest === null) return { tag: "open", generation: 0 };
  const { generation } = newest;
  if (newest.tag === "closed") {
    const publication = await findPublication(store, run, signal);
    const reason = publication?.result.reason ?? "";
    return { tag: "over", generation, outcome: "finished", reason };
  }
  const end = generation > after ? await readEndRecord(store, run, generation, signal) : null;
  if (end === null || end.outcome === "interrupted") return { tag: "open", generation };
  return { tag: "over", generation, outcome: end.outcome, reason: end.reason };
}
