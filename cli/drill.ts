/**
 * `trainyard drill`: shows on this machine that nothing is lost. Trains a small run on a local cluster, then the same
 * run while workers, the coordinator and the store are killed in turn, and compares every commit. Everything lies in
 * a scratch folder that is gone afterwards.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { provideDataset } from "../drill/data.js";
import { type DrillPlan, type DrillReport, drillRuns } from "../drill/runs.js";
import { folderStore, minioStore } from "../drill/scratch-store.js";
import { boundsLine, faultTable, keptLine } from "../drill/table.js";
import { ExitCode } from "../shared/errors.js";
import { openStore } from "../shared/store/open.js";
import { type GlobalOptions, jsonOption, numberOption } from "./options.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

interface Options extends GlobalOptions {
  dataset?: string | undefined;
  workers: number;
  epochs: number;
  seed: number;
  minio?: string | undefined;
  json: boolean;
}

export const command: CommandModule<GlobalOptions, Options> = {
  command: "drill [dataset]",
  describe: "Kill workers, coordinator and store under training, and compare every commit",
  builder: (yargs) =>
    yargs
      .positional("dataset", {
        type: "string",
        describe: "Data set to train on, copied out of --store [default: 320 drawn pictures]",
      })
      .options({
        workers: numberOption(
          "workers",
          { min: 2, max: 16, whole: true },
          { default: 2, describe: "Worker processes" },
        ),
        epochs: numberOption(
          "epochs",
          { min: 4, max: 100_000, whole: true },
          {
            default: 12,
            describe: "Epochs of a run; where it is over too soon, faults go on in another one",
          },
        ),
        seed: numberOption(
          "seed",
          { min: 0, max: 0xffffffff, whole: true },
          { default: 1, describe: "Of the runs and of the drawn pictures" },
        ),
        minio: {
          type: "string",
          requiresArg: true,
          describe: "Program of a MinIO server, to be the store and be killed [default: a folder]",
        },
        json: jsonOption,
      })
      .example("$0 drill", "Two workers, drawn pictures, a few minutes")
      .example("$0 drill faces --workers 4 --minio /usr/local/bin/minio", "On a data set, through a MinIO")
      .epilogue(
        "Exit code 0: the weights of every commit are the unbroken run's, no sample lost, none twice. Times are " +
          "shown, and marked (!) where they miss what is promised; a busy machine alone fails nothing.",
      ) as never,
  handler: async (options) => {
    process.exitCode = await withSignals((signal) => drill(options, signal));
  },
};

async function drill(options: Options, signal: AbortSignal): Promise<ExitCode> {
  const folder = await mkdtemp(join(tmpdir(), "trainyard-drill-"));
  let isNeeded = true;
  try {
    const report = await drillIn(folder, options, signal);
    isNeeded = !report.kept;
    process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : inWords(report));
    return report.kept ? ExitCode.finished : ExitCode.failed;
  } finally {
    const hasRun = existsSync(join(folder, logs));
    if (isNeeded && hasRun && !signal.aborted) say(`logs and store of the drill are kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

async function drillIn(folder: string, options: Options, signal: AbortSignal): Promise<DrillReport> {
  const { minio, dataset, seed, workers, epochs, logLevel } = options;
  const userStore =
    dataset === undefined ? null : await openUserStore(options.store, signal, { create: false });
  const scratch = minio === undefined ? folderStore(folder) : await minioStore(minio, folder, signal);
  try {
    const store = await openStore(scratch.url, { environment: scratch.environment, signal });
    const name = await provideDataset({ store, userStore, name: dataset, folder, seed, signal, say });
    const logFolder = join(folder, logs);
    const plan: DrillPlan = {
      dataset: name,
      workers,
      epochs,
      seed,
      logLevel,
      logFolder,
      scratch,
      store,
      say,
    };
    return await drillRuns(plan, signal);
  } finally {
    await scratch.close();
  }
}

function inWords({ faults, kept }: DrillReport): string {
  return `${faultTable(faults)}\n${keptLine(kept, faults.length)}\n${boundsLine(faults)}\n`;
}

/** In the scratch folder: there once a run has begun. */
const logs = "logs";
const say = (line: string) => void process.stderr.write(`${line}\n`);
