/** `trainyard predict RUN PATH…`: classifies images with the model that a run exported. */
import type { Engine } from "../engine/engine.js";
import { type ExportedModel, exportedEngine } from "../engine/export/read-export.js";
import { findDevice } from "../engine/native/find-device.js";
import { loadTensorFlow } from "../engine/native/load-tensorflow.js";
import { type ImageFile, imageFiles } from "../library/image-files.js";
import { type Prediction, predictFiles } from "../library/prediction.js";
import { publishedModel } from "../library/published-model.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { printable } from "../shared/printable.js";
import { resolveRun } from "../shared/runs.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type PredictFlags = FlagsOf<typeof commandSettings.predict> & GlobalFlags;

export const command = defineCommand({
  name: "predict",
  describe: "Classify images with the model of a run",
  settings: commandSettings.predict,
  examples: [
    ["$0 predict latest photo.jpg", "path, class, probability"],
    ["$0 predict faces-1 holiday portraits/a.png", "folders with all that lies below them"],
    ["$0 predict --files a.jpg b.jpg -- faces-1", "a list of files, then the run"],
  ],
  run: (flags) => withSignals((signal) => runPredict(flags, signal)),
});

async function runPredict(args: PredictFlags, signal: AbortSignal): Promise<void> {
  const paths = [...(args.paths ?? []), ...(args.files ?? [])];
  if (paths.length === 0) {
    throw new TrainyardError("USAGE", `no images given; write: trainyard predict ${args.run} IMAGE…`);
  }
  const store = await openUserStore(args.store, signal, { create: false });
  const run = await resolveRun(store, args.run, signal);
  const model = await publishedModel(store, run, signal);
  const { files, ignored } = await imageFiles(paths, signal);
  for (const [reason, count] of ignored) process.stderr.write(`left out ${count}: ${reason}\n`);
  const print = args.json ? jsonPrinter(run, model) : tablePrinter(files, model);
  const { device } = await findDevice(args.device);
  const engine = exportedEngine(loadTensorFlow({ ...model.spec.engine, device }), model);
  const errors = await printPredictions(model, engine, files, print, signal);
  if (errors > 0) process.exitCode = ExitCode.failed;
}

/** Returns the number of files that could not be classified. The engine is disposed of. */
async function printPredictions(
  model: ExportedModel,
  engine: Engine,
  files: readonly ImageFile[],
  print: Printer,
  signal: AbortSignal,
): Promise<number> {
  let errors = 0;
  try {
    for await (const prediction of predictFiles(engine, model.spec, files, signal)) {
      print.row(prediction);
      if ("error" in prediction) errors += 1;
    }
  } finally {
    engine.dispose();
  }
  print.end();
  return errors;
}

interface Printer {
  row(prediction: Prediction): void;
  end(): void;
}

/** One JSON document, whole at the end. */
function jsonPrinter(run: string, { spec, labels }: ExportedModel): Printer {
  const predictions: Prediction[] = [];
  return {
    row: (prediction) => void predictions.push(prediction),
    end: () => {
      const document = { run, classes: spec.classes, image: labels.image, predictions };
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
  };
}

/** Rows as they come, in columns as wide as the widest path and class. */
function tablePrinter(files: readonly ImageFile[], { spec }: ExportedModel): Printer {
  const width = (texts: readonly string[]) =>
    texts.reduce((most, text) => Math.max(most, [...text].length), 0);
  const pad = (text: string, size: number) => text + " ".repeat(Math.max(0, size - [...text].length));
  const pathWidth = width(files.map(({ path }) => printable(path)));
  const classWidth = width([...spec.classes.map(printable), "error"]);
  return {
    row: (prediction) => {
      const [verdict, detail] =
        "error" in prediction
          ? ["error", printable(prediction.error)]
          : [printable(prediction.class), prediction.probability.toFixed(4)];
      process.stdout.write(
        `${pad(printable(prediction.path), pathWidth)}  ${pad(verdict, classWidth)}  ${detail}\n`,
      );
    },
    end: () => undefined,
  };
}
