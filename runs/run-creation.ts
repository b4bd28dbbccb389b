/** Creates a run: flags and data set become a spec, which is stored under a name that no other run has. */
import { randomInt } from "node:crypto";
import type { Manifest } from "../dataset/manifest.js";
import { listDatasets, readManifest } from "../dataset/manifest-reader.js";
import { TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest-name.js";
import type { RunFlags } from "../shared/settings/run-settings.js";
import { RunSpec, runKey } from "../shared/spec.js";
import { encodeDocument, readDocument } from "../shared/store/document.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { explainLanes } from "./lane-choice.js";
import { checkRunName, newRunName } from "./run-name.js";
import { buildSpec } from "./run-spec.js";

export interface CreatedRun {
  readonly spec: RunSpec;
  /** False: it was there already, with the same settings. */
  readonly isNew: boolean;
  /** What the user should read before the run starts. */
  readonly notes: readonly string[];
}

/**
 * `orSame`: a run of that name with the same settings will do, as for a coordinator whose command is simply repeated.
 * Errors: NOT_FOUND (data set, with the nearest name), USAGE (flags), ALREADY_EXISTS (run).
 */
export async function createRun(
  store: ObjectStore,
  dataset: string,
  flags: RunFlags,
  { signal, orSame = false }: { readonly signal: AbortSignal; readonly orSame?: boolean },
): Promise<CreatedRun> {
  const manifest = await manifestOf(store, dataset, signal);
  const run =
    flags.run === undefined ? newRunName(dataset, new Date(), randomInt(0x1_0000)) : checkRunName(flags.run);
  const spec = buildSpec(flags, manifest, run);
  try {
    await store.put(runKey(spec.run, "spec.json"), encodeDocument(spec), {
      ifNoneMatch: true,
      contentType: "application/json",
      signal,
    });
  } catch (error) {
    if (!(error instanceof TrainyardError && error.code === "ALREADY_EXISTS")) throw error;
    const stored = orSame ? await storedSame(store, spec, signal) : null;
    if (stored !== null) {
      return {
        spec: stored,
        isNew: false,
        notes: [`the run ${spec.run} is there already, with these settings`],
      };
    }
    const others = orSame ? " with other settings" : "";
    throw new TrainyardError(
      "ALREADY_EXISTS",
      `there is already a run ${spec.run}${others} in ${store.url}: choose another --run`,
      { cause: error },
    );
  }
  return { spec, isNew: true, notes: [explainLanes(spec)] };
}

/** Errors: NOT_FOUND, with the nearest name. */
export async function manifestOf(
  store: ObjectStore,
  dataset: string,
  signal: AbortSignal,
): Promise<Manifest> {
  const manifest = await readManifest(store, dataset, signal);
  if (manifest === null) throw await unknownDataset(store, dataset);
  return manifest;
}

/** The stored spec of a run with the same settings, in whatever format it was stored; null when there is none. */
async function storedSame(store: ObjectStore, spec: RunSpec, signal: AbortSignal): Promise<RunSpec | null> {
  const stored = await readDocument(store, runKey(spec.run, "spec.json"), RunSpec, signal);
  if (stored === null) return null;
  const wanted = RunSpec.parse({ ...spec, format: stored.format });
  return JSON.stringify(stored) === JSON.stringify(wanted) ? stored : null;
}

/** Deletes a run that no coordinator has taken: a start that fails (a port in use, a wrong address) leaves nothing behind. */
export async function withdrawRun(store: ObjectStore, run: string): Promise<void> {
  for await (const _ of store.list(runKey(run, "generations/"))) return;
  await store.delete(runKey(run, "spec.json"));
}

async function unknownDataset(store: ObjectStore, dataset: string): Promise<TrainyardError> {
  const names = await listDatasets(store);
  const known = names.length === 0 ? "it has none yet" : `it has ${names.join(", ")}`;
  return new TrainyardError(
    "NOT_FOUND",
    `${store.url} has no data set ${dataset}${suggestion(dataset, names)} (${known}): trainyard import FOLDER --name ${dataset}`,
  );
}
