/** `trainyard predict RUN PATH…`: classifies images with the model that a run exported. */
import { type ImageFile, imageFiles } from "../library/image-files.js";
import { loadModel, type Model } from "../library/load-model.js";
import type { Prediction } from "../library/prediction.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { printable } from "../shared/printable.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { notice } from "./user-store.js";

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
  const { run, device, store } = args;
  const model = await loadModel({ run, device, store, signal, onNotice: notice });
  try {
    const { files, ignored } = await imageFiles(paths, signal);
    for (const [reason, count] of ignored) notice(`left out ${count}: ${reason}`);
    const print = args.json ? jsonPrinter(model) : tablePrinter(files, model);
    const errors = await printPredictions(model, files, print, signal);
    if (errors > 0) process.exitCode = ExitCode.failed;
  } finally {
    model.close();
  }
}

/** Returns the number of files that could not be classified. */
async function printPredictions(
  model: Model,
  files: readonly ImageFile[],
  print: Printer,
  signal: AbortSignal,
): Promise<number> {
  let errors = 0;
  for await (const prediction of model.predictFiles(files, signal)) {
    print.row(prediction);
    if ("error" in prediction) errors += 1;
  }
  print.end();
  return errors;
}

interface Printer {
  row(prediction: Prediction): void;
  end(): void;
}

/** One JSON document, whole at the end. */
function jsonPrinter({ run, classes, image }: Model): Printer {
  const predictions: Prediction[] = [];
  return {
    row: (prediction) => void predictions.push(prediction),
    end: () => {
      const document = { run, classes, image, predictions };
      process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
  };
}

/** Rows as they come, in columns as wide as the widest path and class. */
function tablePrinter(files: readonly ImageFile[], { classes }: Model): Printer {
  const width = (texts: readonly string[]) =>
    texts.reduce((most, text) => Math.max(most, [...text].length), 0);
  const pad = (text: string, size: number) => text + " ".repeat(Math.max(0, size - [...text].length));
  const pathWidth = width(files.map(pathOf));
  const classWidth = width([...classes.map(printable), "error"]);
  return {
    row: (prediction) => {
      const [verdict, detail] =
        "error" in prediction
          ? ["error", printable(prediction.error)]
          : [printable(prediction.class), prediction.probability.toFixed(4)];
      process.stdout.write(`${pad(pathOf(prediction), pathWidth)}  ${pad(verdict, classWidth)}  ${detail}\n`);
    },
    end: () => undefined,
  };
}

/** The path as it is shown; every image of a command line has one. */
const pathOf = ({ path }: { readonly path: string | null }) => printable(path ?? "");
