/**
 * Reads a run's export from the store, to predict with it: weights and statistics from the tfjs files, checked against the
 * hashes in labels.json. Reading needs no TensorFlow; `exportedEngine` then builds an engine with the weights.
 */
import { z } from "zod";
import { TrainyardError } from "../../shared/errors.js";
import type { ModelLayout } from "../../shared/layout.js";
import { RunSpec, runKey } from "../../shared/spec.js";
import { getHashed } from "../../shared/store/hashed.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Engine } from "../engine.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { createEngine } from "../tensorflow-engine.js";
import { exportPaths } from "./export-file.js";
import { Labels } from "./labels-json.js";

/** An exported model, read from the store. */
export interface ExportedModel {
  readonly spec: RunSpec;
  readonly labels: Labels;
  /** Values of each weight (float32), by tfjs' name of the weight. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** The part of a tfjs model.json that lists the weights and their files. */
const WeightsManifest = z.object({
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string()),
      weights: z.array(
        z.object({ name: z.string(), shape: z.array(z.number()), dtype: z.literal("float32") }),
      ),
    }),
  ),
});

/** Options of `readExport`. */
export interface ReadExportOptions {
  /** Folder of the export below `runs/<run>/` (shared/publication.ts). Default: `runs/<run>/` itself. */
  readonly folder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Reads a run's export. Errors: NOT_FOUND when the run has no export yet, DAMAGED, the store's. */
export async function readExport(
  store: ObjectStore,
  run: string,
  { folder = "", signal }: ReadExportOptions = {},
): Promise<ExportedModel> {
  const get = (path: string) => store.get(runKey(run, path), signal === undefined ? {} : { signal });
  const labelBytes = await get(`${folder}${exportPaths.labels}`).catch((caught) => {
    throw isMissing(caught) ? notExported(store, run) : caught;
  });
  const labels = parsed(Labels, labelBytes, runKey(run, `${folder}${exportPaths.labels}`));
  const spec = parsed(RunSpec, await get("spec.json"), runKey(run, "spec.json"));
  const file = (path: string) => {
    const key = runKey(run, `${folder}${path}`);
    return getHashed(store, key, listed(labels, run, path), signal === undefined ? {} : { signal });
  };
  const key = runKey(run, `${folder}${exportPaths.tfjsModel}`);
  const { weightsManifest } = parsed(WeightsManifest, await file(exportPaths.tfjsModel), key);
  const weights = new Map<string, Float32Array>();
  for (const group of weightsManifest) {
    const folder = exportPaths.tfjsModel.slice(0, exportPaths.tfjsModel.lastIndexOf("/"));
    const shards = await Promise.all(group.paths.map((path) => file(`${folder}/${path}`)));
    readGroup(weights, group.weights, Buffer.concat(shards), key);
  }
  return { spec, labels, weights };
}

const isMissing = (caught: unknown) => caught instanceof TrainyardError && caught.code === "NOT_FOUND";

/** The error for a run that has no export. */
export const notExported = (store: ObjectStore, run: string) =>
  new TrainyardError(
    "NOT_FOUND",
    `the run ${run} in ${store.url} has no exported model (yet): it is written when the run has finished; see trainyard runs show ${run}`,
    { fields: { run } },
  );

/** The entry of a file in labels.json, with its size and hash. */
function listed(labels: Labels, run: string, path: string): Labels["files"][number] {
  const expected = labels.files.find((file) => file.path === path);
  if (expected !== undefined) return expected;
  throw new TrainyardError("DAMAGED", `${runKey(run, exportPaths.labels)} does not name ${path}`);
}

function parsed<T>(schema: z.ZodType<T>, bytes: Uint8Array, key: string): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (cause) {
    throw new TrainyardError("DAMAGED", `${key} is not what this version of Trainyard writes`, { cause });
  }
}

/** Reads a group of weights from `bytes`, which hold their values one after another. */
function readGroup(
  weights: Map<string, Float32Array>,
  entries: readonly { readonly name: string; readonly shape: readonly number[] }[],
  bytes: Uint8Array,
  key: string,
): void {
  const floats = new Float32Array(Uint8Array.from(bytes).buffer);
  let offset = 0;
  for (const { name, shape } of entries) {
    const size = shape.reduce((product, side) => product * side, 1);
    weights.set(name, floats.slice(offset, offset + size));
    offset += size;
  }
  if (offset !== floats.length) {
    throw new TrainyardError("DAMAGED", `${key} names ${offset} weights, its files hold ${floats.length}`);
  }
}

/**
 * Creates an engine with the model's weights, ready to predict and evaluate. Its numbers equal those of the run's own
 * evaluation. The caller disposes it. Errors: DAMAGED when a weight is missing or has another size.
 */
export function exportedEngine(tf: TensorFlow, { spec, weights }: ExportedModel): Engine {
  const engine = createEngine(tf, spec);
  engine.setWeights(...vectorsOf(engine.layout, weights));
  return engine;
}

/** The flat vectors [parameters, statistics] of the weights. */
function vectorsOf(
  layout: ModelLayout,
  weights: ReadonlyMap<string, Float32Array>,
): [Float32Array, Float32Array] {
  const parameters = new Float32Array(layout.parameterCount);
  const statistics = new Float32Array(layout.statisticsCount);
  for (const { name, offset, size } of layout.parameters) parameters.set(weight(weights, name, size), offset);
  for (const { layer, channels, offset } of layout.batchNorms) {
    statistics.set(weight(weights, `${layer}/moving_mean`, channels), offset);
    statistics.set(weight(weights, `${layer}/moving_variance`, channels), offset + channels);
  }
  return [parameters, statistics];
}

function weight(weights: ReadonlyMap<string, Float32Array>, name: string, size: number): Float32Array {
  const values = weights.get(name);
  if (values?.length === size) return values;
  throw new TrainyardError("DAMAGED", `the exported model lacks the weight ${name} of ${size} numbers`);
}
