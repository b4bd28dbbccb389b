/** `trainyard runs`: what runs there are and how they are; following, stopping, deleting one, and what happened in it. */
import type { Argv, CommandModule } from "yargs";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { runKey } from "../shared/spec.js";
import { type CoordinatorFlags, coordinatorOptions } from "./coordinator-options.js";
import { CoordinatorRuns } from "./coordinator-runs.js";
import { type GlobalOptions, jsonOption } from "./options.js";
import { Progress, progressLine } from "./progress.js";
import { eventLine } from "./run-event-line.js";
import { exitCodeOf } from "./run-exit-code.js";
import { checkRunName } from "./run-name.js";
import { type RunState, readRunState, stateName } from "./run-state.js";
import { runAsJson, runSummary, runTable } from "./run-summary.js";
import type { RunsSource } from "./runs-source.js";
import { clientSecurityOf } from "./security-flags.js";
import { withSignals } from "./signals.js";
import { StoreRuns } from "./store-runs.js";
import { openUserStore } from "./user-store.js";

interface ListOptions extends GlobalOptions, CoordinatorFlags {
  json: boolean;
}
interface RunOptions extends ListOptions {
  run: string;
}
interface LogOptions extends RunOptions {
  follow: boolean;
}

const out = (text: string) => void process.stdout.write(`${text}\n`);

const anyRun = "Name of the run, the beginning of it, or latest";
const withRunAndJson = (yargs: Argv<GlobalOptions>, describe = anyRun) =>
  yargs.positional("run", { type: "string", demandOption: true, describe }).option("json", jsonOption);
const withCoordinator = (yargs: Argv<GlobalOptions>) => withRunAndJson(yargs).options(coordinatorOptions);

/** Asks the coordinator that is named, else the store. */
function withRuns(options: ListOptions, work: (runs: RunsSource) => Promise<void>): Promise<void> {
  return withSignals(async (signal) => {
    const runs = await openRuns(options, signal);
    try {
      await work(runs);
    } finally {
      runs.close();
    }
  });
}

async function openRuns(options: ListOptions, signal: AbortSignal): Promise<RunsSource> {
  const security = clientSecurityOf(options);
  if (options.coordinator !== undefined) return new CoordinatorRuns(options.coordinator, security, signal);
  return new StoreRuns(await openUserStore(options.store, signal, { create: false }), security, signal);
}

const list: CommandModule<GlobalOptions, ListOptions> = {
  command: "list",
  describe: "List the runs of the store",
  builder: (yargs) =>
    yargs
      .option("json", jsonOption)
      .options(coordinatorOptions)
      .example("$0 runs list", "All runs, with their state") as never,
  handler: (options) =>
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
};

const show: CommandModule<GlobalOptions, RunOptions> = {
  command: "show <run>",
  describe: "Show one run: its result, or how it is now",
  builder: (yargs) =>
    withCoordinator(yargs)
      .example("$0 runs show faces-1", "What it is and what came of it")
      .example("$0 runs show faces-1 --json", "result.json once it has ended, else its state") as never,
  handler: (options) =>
    withRuns(options, async (runs) => {
      const run = await runs.show(options.run);
      out(options.json ? JSON.stringify(runAsJson(run), null, 2) : runSummary(run));
    }),
};

const follow: CommandModule<GlobalOptions, RunOptions> = {
  command: "follow <run>",
  describe: "Follow a run until it ends; Ctrl-C leaves it running",
  builder: (yargs) =>
    withCoordinator(yargs).example("$0 runs follow faces-1", "Its progress, as train shows it") as never,
  handler: (options) =>
    withRuns(options, async (runs) => {
      const end = await runs.follow(options.run, options.json ? null : new Progress(process.stderr));
      out(options.json ? JSON.stringify(end.result ?? end) : `${end.run}: ${progressLine(end)}`);
      process.exitCode = exitCodeOf(end.phase);
    }),
};

const said: Readonly<Record<string, (run: string) => string>> = {
  stopping: (run) => `${run} stops after the step in progress`,
  cancelled: (run) => `${run} is cancelled: it waited in the queue`,
};

const stop: CommandModule<GlobalOptions, RunOptions> = {
  command: "stop <run>",
  aliases: ["cancel"],
  describe: "Stop a run after the step in progress, or take it out of the queue",
  builder: (yargs) =>
    withCoordinator(yargs).example("$0 runs stop faces-1", "It ends as stopped (exit code 3)") as never,
  handler: (options) =>
    withRuns(options, async (runs) => {
      const { run, state } = await runs.stop(options.run);
      const document = {
        run,
        stopping: state === "stopping",
        ...(state === "cancelled" && { cancelled: true }),
      };
      out(options.json ? JSON.stringify(document) : (said[state]?.(run) ?? `${run} is not running`));
    }),
};

const logs: CommandModule<GlobalOptions, LogOptions> = {
  command: "logs <run>",
  describe: "What happened in a run: workers, checkpoints, faults",
  builder: (yargs) =>
    withCoordinator(yargs)
      .option("follow", {
        type: "boolean",
        default: false,
        describe: "Also what is yet to come, until it has ended (needs --coordinator)",
      })
      .example("$0 runs logs faces-1", "What its coordinators wrote down")
      .example("$0 runs logs faces-1 --follow --json", "A JSON document a line") as never,
  handler: (options) =>
    withRuns(options, async (runs) => {
      for await (const event of runs.logs(options.run, options.follow)) {
        out(options.json ? JSON.stringify(event) : eventLine(event));
      }
    }),
};

const remove: CommandModule<GlobalOptions, RunOptions> = {
  command: "delete <run>",
  describe: "Delete a run with its checkpoints, curve and exports",
  builder: (yargs) =>
    withRunAndJson(yargs, "Whole name of the run").example(
      "$0 runs delete faces-1",
      "Refused while it runs",
    ) as never,
  handler: (options) =>
    withSignals(async (signal) => {
      const store = await openUserStore(options.store, signal, { create: false });
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
};

export const command: CommandModule<GlobalOptions, GlobalOptions> = {
  command: "runs",
  describe: "List, show, follow, stop and delete runs",
  builder: (yargs) =>
    yargs.command(list).command(show).command(follow).command(stop).command(logs).command(remove),
  handler: () => undefined,
};
