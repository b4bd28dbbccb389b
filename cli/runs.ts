/** `trainyard runs`: what runs there are and how they are; following, stopping, deleting one, and what happened in it. */

import { checkRunName } from "../runs/run-name.js";
import { type RunState, readRunState, stateName } from "../runs/run-state.js";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { runKey } from "../shared/spec.js";
import { defineCommand, defineParent } from "./command.js";
import { CoordinatorRuns } from "./coordinator-runs.js";
import { Progress, progressLine } from "./progress.js";
import { eventLine } from "./run-event-line.js";
import { exitCodeOf } from "./run-exit-code.js";
import { runAsJson, runSummary, runTable } from "./run-summary.js";
import type { RunsSource } from "./runs-source.js";
import { clientSecurityOf } from "./security-flags.js";
import { withSignals } from "./signals.js";
import { StoreRuns } from "./store-runs.js";
import { openUserStore } from "./user-store.js";

type ListFlags = FlagsOf<(typeof commandSettings)["runs list"]> & GlobalFlags;

const out = (text: string) => void process.stdout.write(`${text}\n`);

/** Asks the coordinator that is named, else the store. */
function withRuns(options: ListFlags, work: (runs: RunsSource) => Promise<void>): Promise<void> {
  return withSignals(async (signal) => {
    const runs = await openRuns(options, signal);
    try {
      await work(runs);
    } finally {
      runs.close();
    }
  });
}

async function openRuns(options: ListFlags, signal: AbortSignal): Promise<RunsSource> {
  const security = clientSecurityOf(options);
  if (options.coordinator !== undefined) return new CoordinatorRuns(options.coordinator, security, signal);
  return new StoreRuns(await openUserStore(options.store, signal, "read"), security, signal);
}

const list = defineCommand({
  name: "list",
  describe: "List the runs of the store",
  settings: commandSettings["runs list"],
  examples: [["$0 runs list", "All runs, with their state"]],
  run: (options) =>
    withRuns(options, async (runs) => {
      const states: RunState[] = [];
      for (const run of await runs.list()) {
        if (!("damaged" in run)) states.push(run);
        else {
          process.stderr.write(`${run.run} can't be shown: ${run.damaged}\n`);
          process.exitCode = ExitCode.failed;
        }
      }
      out(options.json ? JSON.stringify(states.map(runAsJson)) : runTable(states));
    }),
});

const show = defineCommand({
  name: "show",
  describe: "Show one run: its result, or how it is now",
  settings: commandSettings["runs show"],
  examples: [
    ["$0 runs show faces-1", "What it is and what came of it"],
    ["$0 runs show faces-1 --json", "result.json once it has ended, else its state"],
  ],
  run: (options) =>
    withRuns(options, async (runs) => {
      const run = await runs.show(options.run);
      out(options.json ? JSON.stringify(runAsJson(run), null, 2) : runSummary(run));
    }),
});

const follow = defineCommand({
  name: "follow",
  describe: "Follow a run until it ends; Ctrl-C leaves it running",
  settings: commandSettings["runs follow"],
  examples: [["$0 runs follow faces-1", "Its progress, as train shows it"]],
  run: (options) =>
    withRuns(options, async (runs) => {
      const end = await runs.follow(options.run, options.json ? null : new Progress(process.stderr));
      out(options.json ? JSON.stringify(end.result ?? end) : `${end.run}: ${progressLine(end)}`);
      process.exitCode = exitCodeOf(end.phase);
    }),
});

/** What `runs stop` says, by what became of the run. `goOn`: the command that takes it up again. */
const said: Readonly<Record<string, (run: string, goOn: string) => string>> = {
  stopping: (run, goOn) => `${run} stops after the step in progress, which is kept; go on: ${goOn} ${run}`,
  cancelled: (run) => `${run} is cancelled: it waited in the queue`,
};

const stop = defineCommand({
  name: "stop",
  aliases: ["cancel"],
  describe: "Stop a run after the step in progress, or take it out of the queue",
  settings: commandSettings["runs stop"],
  examples: [["$0 runs stop faces-1", "It ends as stopped (exit code 3)"]],
  run: (options) =>
    withRuns(options, async (runs) => {
      const { run, state } = await runs.stop(options.run);
      const goOn = `trainyard ${options.coordinator === undefined ? "train" : "submit"} --resume`;
      const document = {
        run,
        stopping: state === "stopping",
        ...(state === "cancelled" && { cancelled: true }),
      };
      out(options.json ? JSON.stringify(document) : (said[state]?.(run, goOn) ?? `${run} is not running`));
    }),
});

const logs = defineCommand({
  name: "logs",
  describe: "What happened in a run: workers, checkpoints, faults",
  settings: commandSettings["runs logs"],
  examples: [
    ["$0 runs logs faces-1", "What its coordinators wrote down"],
    ["$0 runs logs faces-1 --follow --json", "A JSON document a line"],
  ],
  run: (options) =>
    withRuns(options, async (runs) => {
      for await (const event of runs.logs(options.run, options.follow)) {
        out(options.json ? JSON.stringify(event) : eventLine(event));
      }
    }),
});

const remove = defineCommand({
  name: "delete",
  describe: "Delete a run with its checkpoints, curve and exports",
  settings: commandSettings["runs delete"],
  examples: [["$0 runs delete faces-1", "Refused while it runs"]],
  run: (options) =>
    withSignals(async (signal) => {
      const store = await openUserStore(options.store, signal, "read");
      const state = await readRunState(store, checkRunName(options.run), signal);
      const { run } = state;
      if (state.state.tag === "live" || state.state.tag === "queued") {
        const sentence = `${run} is ${stateName(state)}; stop it first: trainyard runs stop ${run}`;
        throw new TrainyardError("USAGE", sentence);
      }
      const keys: string[] = [];
      for await (const { key } of store.list(`${runKey(run)}/`, { signal })) keys.push(key);
      // spec.json last: as long as it is there, an interrupted deletion can be seen and done again.
      const last = runKey(run, "spec.json");
      for (const key of [...keys.filter((item) => item !== last), last]) await store.delete(key, { signal });
      const text = `${run} is deleted: ${keys.length} objects`;
      out(options.json ? JSON.stringify({ run, deleted: keys.length }) : text);
    }),
});

export const command = defineParent({
  name: "runs",
  describe: "List, show, follow, stop and delete runs",
  subcommands: [list, show, follow, stop, logs, remove],
});
