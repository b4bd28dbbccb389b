/** `trainyard evaluate RUN`: the exported model on a data set's validation images, each exactly once. */
import { openDataset } from "../dataset/dataset-reader.js";
import { type ImageLoader, openLoaders } from "../dataset/image-loader.js";
import { type ExportedModel, exportedEngine } from "../engine/export/read-export.js";
import type { ComputeDevice } from "../engine/native/compute-device.js";
import { findDevice } from "../engine/native/find-device.js";
import { loadTensorFlow } from "../engine/native/load-tensorflow.js";
import { type EvaluationSummary, EvaluationTotals } from "../library/evaluation-totals.js";
import { publishedModel } from "../library/published-model.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { decimals, percent } from "../shared/readable-numbers.js";
import { resolveRun } from "../shared/runs.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { textTable } from "../shared/text-table.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type EvaluateFlags = FlagsOf<typeof commandSettings.evaluate> & GlobalFlags;

export const command = defineCommand({
  name: "evaluate",
  describe: "Evaluate the model of a run on validation images",
  settings: commandSettings.evaluate,
  examples: [
    ["$0 evaluate latest", "loss, accuracy, recall by class, and which classes were mistaken for which"],
    ["$0 evaluate faces-1 --data other-faces", "on the validation images of another data set"],
  ],
  run: (flags) => withSignals((signal) => runEvaluate(flags, signal)),
});

async function runEvaluate(args: EvaluateFlags, signal: AbortSignal): Promise<void> {
  const store = await openUserStore(args.store, signal, { create: false });
  const run = await resolveRun(store, args.run, signal);
  const model = await publishedModel(store, run, signal);
  const dataset = await datasetOf(store, model.spec, args.data, signal);
  const { manifest, validation } = await openLoaders(store, { ...model.spec, dataset }, { signal });
  const { samples } = manifest.splits.validation;
  if (samples === 0) {
    throw new TrainyardError("INPUT", `the data set "${dataset.name}" has no validation images`);
  }
  const { device } = await findDevice(args.device);
  const summary = await evaluateModel(model, device, validation, samples, signal);
  const text = args.json
    ? JSON.stringify({ run, dataset, ...summary }, null, 2)
    : summaryText(run, dataset.name, summary);
  process.stdout.write(`${text}\n`);
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

/** In blocks of 64, the last one smaller. */
async function evaluateModel(
  model: ExportedModel,
  device: ComputeDevice,
  images: ImageLoader,
  samples: number,
  signal: AbortSignal,
): Promise<EvaluationSummary> {
  const engine = exportedEngine(loadTensorFlow({ ...model.spec.engine, device }), model);
  const totals = new EvaluationTotals(model.spec.classes);
  try {
    for (let first = 0; first < samples; first += limits.evaluationBlock) {
      const size = Math.min(limits.evaluationBlock, samples - first);
      const numbers = Array.from({ length: size }, (_, index) => first + index);
      const block = await images.batch(numbers, signal);
      totals.add(engine.evaluate(block.images, block.labels), block.labels);
    }
  } finally {
    engine.dispose();
  }
  return totals.summary();
}

function summaryText(run: string, dataset: string, summary: EvaluationSummary): string {
  const { samples, loss, accuracy, classes, confusion } = summary;
  const head = `${run} on ${samples} validation images of ${dataset}: loss ${decimals(loss)}, accuracy ${percent(accuracy)}`;
  const recalls = classes.map(({ name, images, correct, recall }) => [
    name,
    `${correct} of ${images}`,
    recall === null ? "–" : percent(recall),
  ]);
  const matrix = confusion.map((row, index) => [classes[index]?.name ?? "", ...row.map(String)]);
  return [
    head,
    "",
    textTable([["CLASS", "CORRECT", "RECALL"], ...recalls]),
    "",
    "Rows are true classes, columns what they were taken for:",
    textTable([["", ...classes.map(({ name }) => name)], ...matrix]),
  ].join("\n");
}
