/** Evaluates the exported model of a run on a data set's validation images, each exactly once. */
import { openDataset } from "../dataset/dataset-reader.js";
import { type ImageLoader, openLoaders } from "../dataset/image-loader.js";
import { type ExportedModel, exportedEngine } from "../engine/export/read-export.js";
import { findDevice } from "../engine/native/find-device.js";
import { loadTensorFlow } from "../engine/native/load-tensorflow.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { resolveRun } from "../shared/runs.js";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type CommonOptions, openGivenStore } from "./common-options.js";
import { type EvaluationSummary, EvaluationTotals } from "./evaluation-totals.js";
import { withInterruption } from "./interruption.js";
import { publishedModel } from "./published-model.js";

export interface EvaluateOptions extends CommonOptions {
  /** Name of the run, the beginning of it, or `latest`. */
  readonly run: string;
  /** Data set with the same classes. Default: the one that the run was trained on. */
  readonly data?: string | undefined;
  /** Compute on the GPU, on the CPU, or on a GPU where TensorFlow can use one. Default: `auto`. */
  readonly device?: "auto" | "cpu" | "gpu" | undefined;
}

/** How well a model does on the validation images of a data set. */
export interface Evaluation extends EvaluationSummary {
  /** The run's whole name. */
  readonly run: string;
  /** The data set, with the hash of its content in hex. */
  readonly dataset: { readonly name: string; readonly hash: string };
}

/**
 * Evaluates the exported model of a run on a data set's validation images. TensorFlow computes in this process: a block of
 * 64 images at a time, during which the event loop waits. Errors: NOT_FOUND for run or data set, INPUT without validation
 * images, SETUP without TensorFlow, ENGINE when this process has loaded TensorFlow with other threads or device, INTERRUPTED.
 */
export async function evaluate(options: EvaluateOptions): Promise<Evaluation> {
  return await withInterruption(options.signal, (signal) => evaluateRun(options, signal));
}

async function evaluateRun(options: EvaluateOptions, signal: AbortSignal): Promise<Evaluation> {
  const store = await openGivenStore(options, signal, "read");
  const run = await resolveRun(store, options.run, signal);
  const model = await publishedModel(store, run, { signal, onNotice: options.onNotice });
  const dataset = await datasetOf(store, model.spec, options.data, signal);
  const { manifest, validation } = await openLoaders(store, { ...model.spec, dataset }, { signal });
  const { samples } = manifest.splits.validation;
  if (samples === 0) {
    throw new TrainyardError("INPUT", `the data set "${dataset.name}" has no validation images`);
  }
  const { device } = await findDevice(options.device ?? "auto");
  const engine = exportedEngine(loadTensorFlow({ ...model.spec.engine, device }), model);
  try {
    return { run, dataset, ...(await evaluateImages(model, engine, { validation, samples }, signal)) };
  } finally {
    engine.dispose();
  }
}

async function datasetOf(
  store: ObjectStore,
  spec: RunSpec,
  name: string | undefined,
  signal: AbortSignal,
): Promise<RunSpec["dataset"]> {
  if (name === undefined) return spec.dataset;
  const { manifest } = await openDataset(store, name, undefined, { signal });
  return { name, hash: manifest.hash };
}

/** Evaluates in blocks of 64; the last one may be smaller. */
async function evaluateImages(
  { spec }: ExportedModel,
  engine: ReturnType<typeof exportedEngine>,
  { validation, samples }: { readonly validation: ImageLoader; readonly samples: number },
  signal: AbortSignal,
): Promise<EvaluationSummary> {
  const totals = new EvaluationTotals(spec.classes);
  for (let first = 0; first < samples; first += limits.evaluationBlock) {
    const size = Math.min(limits.evaluationBlock, samples - first);
    const numbers = Array.from({ length: size }, (_, index) => first + index);
    const block = await validation.batch(numbers, signal);
    totals.add(engine.evaluate(block.images, block.labels), block.labels);
  }
  return totals.summary();
}
