/** What a coordinator reads of a run before anything else: its spec as it was submitted, and its data set. */
import { resolve } from "node:path";
import type { Manifest } from "../dataset/manifest.js";
import { readManifest } from "../dataset/manifest-reader.js";
import { TrainyardError } from "../shared/errors.js";
import { refuseUnknownFormat } from "../shared/formats.js";
import { RunSpec, runKey } from "../shared/spec.js";
import { readJson } from "../shared/store/document.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** What a run reads from the store before it begins. */
export interface RunInputs {
  /** The spec as it was submitted, without later changes. */
  readonly spec: RunSpec;
  readonly manifest: Manifest;
}

/** Errors: NOT_FOUND (run, data set), DAMAGED, the store's. */
export async function readRunInputs(store: ObjectStore, run: string): Promise<RunInputs> {
  const spec = await readSpec(store, run);
  const manifest = await readManifest(store, spec.dataset.name);
  if (manifest === null || manifest.hash !== spec.dataset.hash) {
    const what = manifest === null ? "is not there" : "is another one by now (its hash differs)";
    throw new TrainyardError("NOT_FOUND", `the data set ${spec.dataset.name} of the run ${run} ${what}`);
  }
  return { spec, manifest };
}

/** Reads a run's spec as it was submitted. Errors: NOT_FOUND, UNKNOWN_FORMAT, DAMAGED, the store's. */
export async function readSpec(store: ObjectStore, run: string, signal?: AbortSignal): Promise<RunSpec> {
  const key = runKey(run, "spec.json");
  const document = await readJson(store, key, signal);
  if (document === null) throw new TrainyardError("NOT_FOUND", `there is no run ${run} in ${store.url}`);
  refuseUnknownFormat(document, key);
  const spec = RunSpec.safeParse(document);
  if (spec.success) return spec.data;
  throw new TrainyardError("DAMAGED", `${key} is no run spec of this version: ${spec.error.message}`);
}

/** Labels of the validation split in the run's classes, in sample order. */
export function validationLabels({ spec, manifest }: RunInputs): number[] {
  const labels = manifest.classes.map((name) => spec.classes.indexOf(name));
  return manifest.splits.validation.shards.flatMap((shard) =>
    shard.samples.map((sample) => labels[sample.label] ?? sample.label),
  );
}

/**
 * The store's address for workers. A relative folder becomes absolute, because a worker may have another working
 * directory.
 */
export function absoluteStore(url: string): string {
  if (url.startsWith("s3")) return url;
  return `file:${resolve(url.replace(/^file:/, ""))}`;
}
