/**
 * `trainyard drill`: shows on this machine that nothing is lost. Trains a small run on a local cluster, then the same
 * run while workers, the coordinator and the store are killed in turn, and compares every commit. Everything lies in
 * a scratch folder that is gone afterwards.
 */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readManifest } from "../dataset/manifest-reader.js";
import { provideDataset } from "../drill/data.js";
import { type DrillPlan, type DrillReport, drillRuns } from "../drill/runs.js";
import { folderStore, minioStore } from "../drill/scratch-store.js";
import { boundsLine, damageLine, faultTable, keptLine, leftOutLines } from "../drill/table.js";
import { isKept } from "../drill/verdict.js";
import { ExitCode } from "../shared/errors.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { openStore } from "../shared/store/open.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type DrillFlags = FlagsOf<typeof commandSettings.drill> & GlobalFlags;

export const command = defineCommand({
  name: "drill",
  describe: "Kill, freeze and damage the parts of a training, and compare every commit",
  settings: commandSettings.drill,
  examples: [
    ["$0 drill", "Two workers, drawn images, a few minutes"],
    ["$0 drill faces --workers 4 --minio /usr/local/bin/minio", "On a data set, through a MinIO"],
  ],
  epilogue:
    "Exit code 0: the weights of every commit are the unbroken run's, no sample lost, none twice. Times are " +
    "shown, and marked (!) where they miss what is promised; a busy machine alone fails nothing.",
  run: async (flags) => {
    process.exitCode = await withSignals((signal) => drill(flags, signal));
  },
});

async function drill(options: DrillFlags, signal: AbortSignal): Promise<ExitCode> {
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

async function drillIn(folder: string, options: DrillFlags, signal: AbortSignal): Promise<DrillReport> {
  const { minio, dataset, seed, workers, epochs, logLevel } = options;
  const userStore = dataset === undefined ? null : await openUserStore(options.store, signal, "read");
  const dataBytes = userStore === null ? 0 : await bytesOf(userStore, dataset, signal);
  const scratch =
    minio === undefined ? await folderStore(folder, { dataBytes }) : await minioStore(minio, folder, signal);
  let isWhole = false;
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
    const report = await drillRuns(plan, signal);
    isWhole = report.kept;
    return report;
  } finally {
    await scratch.close({ keepsFiles: !isWhole && !signal.aborted });
  }
}

/** Size of a data set's shards; 0 for none of that name, which is refused later. */
async function bytesOf(store: ObjectStore, name = "", signal?: AbortSignal): Promise<number> {
  const manifest = await readManifest(store, name, signal);
  const splits = manifest === null ? [] : Object.values(manifest.splits);
  return splits.flatMap(({ shards }) => shards).reduce((sum, { bytes }) => sum + bytes, 0);
}

function inWords({ faults, leftOut, damage, runs }: DrillReport): string {
  const lines = [
    ...leftOutLines(leftOut),
    damageLine(damage),
    keptLine(isKept(runs, faults), faults.length),
    boundsLine(faults),
  ];
  return `${[faultTable(faults), ...lines].join("\n")}\n`;
}

/** In the scratch folder: there once a run has begun. */
const logs = "logs";
const say = (line: string) => void process.stderr.write(`${line}\n`);
