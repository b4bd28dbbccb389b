/**
 * Reads a run's export from the store, to predict with it: weights and statistics from the tfjs files. labels.json says whose
 * export it is and what each file must be; all of it is checked. Reading needs no TensorFlow; `exportedEngine` then builds an engine with the weights.
 */
import { z } from "zod";
import { TrainyardError } from "../../shared/errors.js";
import type { ModelLayout } from "../../shared/layout.js";
import { RunSpec, runKey } from "../../shared/spec.js";
import { parsedDocument } from "../../shared/store/document.js";
import { getHashed, sha256Hex } from "../../shared/store/hashed.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Engine } from "../engine.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { createEngine } from "../tensorflow-engine.js";
import { exportPaths } from "./export-file.js";
import { type ExportOwner, Labels } from "./labels-json.js";

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

/**
 * Reads a run's export and checks every file of it. Errors: NOT_FOUND when the run has no export yet; DAMAGED when a file is
 * not as labels.json says, or the export is not this run's; UNKNOWN_FORMAT; the store's.
 */
export async function readExport(
  store: ObjectStore,
  run: string,
  { folder = "", signal }: ReadExportOptions = {},
): Promise<ExportedModel> {
  const options = signal === undefined ? {} : { signal };
  const keyOf = (path: string) => runKey(run, `${folder}${path}`);
  const labelBytes = await store.get(keyOf(exportPaths.labels), options).catch((caught) => {
    throw isMissing(caught) ? notExported(store, run) : caught;
  });
  const labels = parsed(Labels, labelBytes, keyOf(exportPaths.labels));
  const specBytes = await store.get(runKey(run, "spec.json"), options);
  refuseOtherOwner(labels, { run, specSha256: sha256Hex(specBytes) }, keyOf(exportPaths.labels));
  const spec = parsed(RunSpec, specBytes, runKey(run, "spec.json"));
  const files = new Map<string, Uint8Array>();
  for (const { path, ...expected } of labels.files) {
    const bytes = await getHashed(store, keyOf(path), expected, { advice, ...options });
    if (path !== exportPaths.kerasH5) files.set(path, bytes);
  }
  return { spec, labels, weights: weightsOf(files, keyOf) };
}

/** What to do about a damaged export: it is no data set that could be imported, and no checkpoint that has another before it. */
const advice =
  "restore the run's export from a copy, or train with the same settings again, which gives the same model";

/** Errors: DAMAGED when labels.json names another run or another spec than those that it lies with. */
function refuseOtherOwner(labels: Labels, { run, specSha256 }: ExportOwner, key: string): void {
  const isFirst = labels.format === "trainyard-labels/1";
  if (labels.run !== run && !(isFirst && labels.run === null)) {
    const whose = labels.run === null ? "no run" : `the run ${labels.run}`;
    throw new TrainyardError("DAMAGED", `${key} is the export of ${whose}, not of ${run}: ${advice}`);
  }
  if (isFirst || labels.specSha256 === specSha256) return;
  const message = `${key} is the export of another spec than ${runKey(run, "spec.json")}: one of the two was replaced; ${advice}`;
  throw new TrainyardError("DAMAGED", message);
}

/** What could not be checked of an export that an earlier version wrote, in a sentence; null when all of it was. */
export function uncheckedPart({ spec, labels }: ExportedModel): string | null {
  if (labels.format !== "trainyard-labels/1") return null;
  return `the export of ${spec.run} names no hash of its spec and of model.h5, because Trainyard ${labels.version} wrote it: those two are not checked, all other files are`;
}

/** The weights in the files of a tfjs model. Errors: DAMAGED when one that model.json names is missing or too small. */
function weightsOf(
  files: ReadonlyMap<string, Uint8Array>,
  keyOf: (path: string) => string,
): Map<string, Float32Array> {
  const file = (path: string) => {
    const bytes = files.get(path);
    if (bytes !== undefined) return bytes;
    throw new TrainyardError("DAMAGED", `${keyOf(exportPaths.labels)} does not name ${path}: ${advice}`);
  };
  const key = keyOf(exportPaths.tfjsModel);
  const { weightsManifest } = parsed(WeightsManifest, file(exportPaths.tfjsModel), key);
  const folder = exportPaths.tfjsModel.slice(0, exportPaths.tfjsModel.lastIndexOf("/"));
  const weights = new Map<string, Float32Array>();
  for (const group of weightsManifest) {
    const shards = group.paths.map((path) => file(`${folder}/${path}`));
    readGroup(weights, group.weights, Buffer.concat(shards), key);
  }
  return weights;
}

const isMissing = (caught: unknown) => caught instanceof TrainyardError && caught.code === "NOT_FOUND";

/** The error for a run that has no export. */
export const notExported = (store: ObjectStore, run: string) =>
  new TrainyardError(
    "NOT_FOUND",
    `the run ${run} in ${store.url} has no exported model (yet): it is written when the run has finished; see trainyard runs show ${run}`,
    { fields: { run } },
  );

function parsed<T>(schema: z.ZodType<T>, bytes: Uint8Array, key: string): T {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch (cause) {
    throw new TrainyardError("DAMAGED", `${key} is not JSON: ${advice}`, { cause });
  }
  return parsedDocument(schema, document, key);
}

/** The error for an export that predicts nothing. This version makes none, but earlier ones could. */
const notFinite = (name: string, key: string) =>
  new TrainyardError(
    "DAMAGED",
    `${key} holds values in ${name} that are not finite, so the model predicts nothing: train again with a lower --learning-rate`,
  );

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
    const values = floats.slice(offset, offset + size);
    if (!values.every(Number.isFinite)) throw notFinite(name, key);
    weights.set(name, values);
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
