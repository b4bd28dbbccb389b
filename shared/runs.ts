/**
 * Which runs a store holds, and which one a user means. What a run is doing is its coordinator's to say
 * (shared/status); what it left is in its objects.
 */
import { distance } from "fastest-levenshtein";
import { TrainyardError } from "./errors.js";
import { listGenerationNumbers, readGeneration } from "./generations.js";
import { compareCodePoints } from "./store/keys.js";
import type { ObjectStore } from "./store/object-store.js";

const options = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });

/** Names of all runs, in code-point order. Errors: the store's. */
export async function listRuns(store: ObjectStore, signal?: AbortSignal): Promise<string[]> {
  const names: string[] = [];
  for await (const { key } of store.list("runs/", options(signal))) {
    const [, run, file, more] = key.split("/");
    if (run !== undefined && file === "spec.json" && more === undefined) names.push(run);
  }
  // Keys come in their own order, in which "/" stands between "-" and the letters.
  return names.sort(compareCodePoints);
}

/**
 * The run that `name` means: its whole name, else the only one that begins with it, else, for `latest`, the one
 * that was started last. Errors: NOT_FOUND with the nearest names; USAGE when several begin so; the store's.
 */
export async function resolveRun(store: ObjectStore, name: string, signal?: AbortSignal): Promise<string> {
  const runs = await listRuns(store, signal);
  if (runs.includes(name)) return name;
  const matching = name === "" ? [] : runs.filter((run) => run.startsWith(name));
  if (matching.length > 1) {
    throw new TrainyardError(
      "USAGE",
      `several runs begin with "${name}": ${some(matching)}; write more of the name`,
    );
  }
  const found = matching[0] ?? (name === "latest" ? await latestRun(store, runs, signal) : undefined);
  if (found !== undefined) return found;
  const there =
    runs.length === 0 ? "there is none yet: trainyard train" : `there are: ${nearest(name, runs)}`;
  throw new TrainyardError("NOT_FOUND", `no run "${name}" in ${store.url}; ${there}`, {
    fields: { run: name },
  });
}

/** Names that an error lists at most. */
const shown = 8;

const some = (names: readonly string[]) =>
  `${names.slice(0, shown).join(", ")}${names.length > shown ? ` and ${names.length - shown} more` : ""}`;

/** All of a few names, in their order; of many the nearest, nearest first. */
function nearest(written: string, names: readonly string[]): string {
  if (names.length <= shown) return some(names);
  return some(names.toSorted((a, b) => distance(written, a) - distance(written, b)));
}

/** The run that a first coordinator took last. A run that no coordinator has taken yet does not count. */
async function latestRun(
  store: ObjectStore,
  runs: readonly string[],
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  let latest: { run: string; startedAt: string } | undefined;
  for (const run of runs) {
    const startedAt = await firstStart(store, run, signal);
    if (startedAt !== null && startedAt >= (latest?.startedAt ?? "")) latest = { run, startedAt };
  }
  return latest?.run;
}

/** ISO 8601 in UTC, or null. */
async function firstStart(
  store: ObjectStore,
  run: string,
  signal: AbortSignal | undefined,
): Promise<string | null> {
  for (const number of await listGenerationNumbers(store, run, signal)) {
    const entry = await readGeneration(store, run, number, signal);
    if (entry?.tag === "owner") return entry.record.startedAt;
  }
  return null;
}
