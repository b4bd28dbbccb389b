/**
 * Where the result of a finished run was published: below `runs/<run>/`, or below `runs/<run>/published/<g>/` when a
 * former coordinator had put other bytes at the first place. The record that closes the run says which
 * (generations.ts); anything else there is no result. Every reader uses this module.
 */
import { TrainyardError } from "./errors.js";
import { type GenerationEntry, newestGeneration, newestGenerationFrom } from "./generations.js";
import { RunResult } from "./result.js";
import { runKey } from "./spec.js";
import { parsedDocument, readJson } from "./store/document.js";
import type { ObjectStore } from "./store/object-store.js";

/** The published result of a finished run. */
export interface Publication {
  /** Generation of the coordinator that finished the run. */
  readonly generation: number;
  /** Below `runs/<run>/`, of result, curve and report: empty, or `published/<g>/`. */
  readonly folder: string;
  readonly result: RunResult;
  /** result.json as it is stored. */
  readonly document: unknown;
}

/** Where a generation publishes what no longer fits the usual place. */
export const ownFolder = (generation: number) => `published/${generation}/`;

/**
 * Finds a run's published result; null when the run has not finished. Errors: DAMAGED naming the object; the store's.
 */
export async function findPublication(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<Publication | null> {
  return await publicationOf(store, run, await newestGeneration(store, run, signal), signal);
}

/** As findPublication, for a worker, which knows a generation and may not list. Errors: as findPublication. */
export async function findPublicationFrom(
  store: ObjectStore,
  { run, generation }: { readonly run: string; readonly generation: number },
  signal?: AbortSignal,
): Promise<Publication | null> {
  const newest = await newestGenerationFrom(store, run, generation, signal);
  return await publicationOf(store, run, newest, signal);
}

async function publicationOf(
  store: ObjectStore,
  run: string,
  newest: GenerationEntry | null,
  signal: AbortSignal | undefined,
): Promise<Publication | null> {
  if (newest?.tag !== "closed") return null;
  const { closes: generation, published: folder } = newest.record;
  const key = publishedKey(run, folder, "result.json");
  const document = await readJson(store, key, signal);
  if (document === null) {
    throw new TrainyardError("DAMAGED", `the run ${run} has finished, but ${key} is not in ${store.url}`);
  }
  const result = parsedDocument(RunResult, document, key);
  if (result.run === run && result.generation === generation) return { generation, folder, result, document };
  throw new TrainyardError(
    "DAMAGED",
    `${key} is not the result of generation ${generation} of the run ${run}`,
  );
}

/** `file`: curve.json, report.html … */
export const publishedKey = (run: string, folder: string, file: string) => runKey(run, `${folder}${file}`);

/** The folder of the exported model, below `runs/<run>/`; null when the run exported none. */
export function exportFolder({ exported }: RunResult): string | null {
  const labels = exported?.paths.find((path) => path.endsWith("export/labels.json"));
  return labels === undefined ? null : labels.slice(0, -"export/labels.json".length);
}
