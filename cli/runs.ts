/** `trainyard runs`: what runs there are and how they are; following, stopping and deleting one. */
import type { Argv, CommandModule } from "yargs";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { listRuns, resolveRun } from "../shared/runs.js";
import { runKey } from "../shared/spec.js";
import { requestStop } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type GlobalOptions, jsonOption } from "./options.js";
import { exitCodeOf } from "./outcome.js";
import { followRun, progressLine } from "./progress.js";
import { checkRunName } from "./run-name.js";
import { type RunState, readEnd, readRunState, stateName } from "./run-state.js";
import { runAsJson, runSummary, runTable } from "./run-summary.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

interface RunOptions extends GlobalOptions {
  run: string;
  json: boolean;
}
type ListOptions = Omit<RunOptions, "run">;

const out = (text: string) => void process.stdout.write(`${text}\n`);

const anyRun = "Name of the run, the beginning of it, or latest";
const withRunAndJson = (yargs: Argv<GlobalOptions>, describe = anyRun) =>
  yargs.positional("run", { type: "string", demandOption: true, describe }).option("json", jsonOption);

/** The run that the user means, and how it is. */
async function openRun(options: RunOptions, signal: AbortSignal) {
  const store = await openUserStore(options.store, signal, { create: false });
  const run = await resolveRun(store, options.run, signal);
  return { store, ...(await readRunState(store, run, signal)) };
}

const list: CommandModule<GlobalOptions, ListOptions> = {
  command: "list",
  describe: "List the runs of the store",
  builder: (yargs) => yargs.option("json", jsonOption).example("$0 runs list", "All runs, with their state"),
  handler: (options) =>
    withSignals(async (signal) => {
      const store = await openUserStore(options.store, signal, { create: false });
      const names = await listRuns(store, signal);
      const read = await Promise.all(names.map((name) => readableState(store, name, signal)));
      const states = read.filter((state) => state !== null);
      out(options.json ? JSON.stringify(states.map(runAsJson)) : runTable(states));
      if (states.length < read.length) process.exitCode = ExitCode.failed;
    }),
};

/** One run whose files are damaged, or of another version, must not hide the others: it is named instead. */
async function readableState(store: ObjectStore, run: string, signal: AbortSignal): Promise<RunState | null> {
  return await readRunState(store, run, signal).catch((error: unknown) => {
    if (!(error instanceof TrainyardError) || error.code !== "DAMAGED") throw error;
    process.stderr.write(`${run} can't be shown: ${error.message}\n`);
    return null;
  });
}

const show: CommandModule<GlobalOptions, RunOptions> = {
  command: "show <run>",
  describe: "Show one run: its result, or how it is now",
  builder: (yargs) =>
    withRunAndJson(yargs)
      .example("$0 runs show faces-1", "What it is and what came of it")
      .example("$0 runs show faces-1 --json", "result.json once it has ended, else its state"),
  handler: (options) =>
    withSignals(async (signal) => {
      const run = await openRun(options, signal);
      out(options.json ? JSON.stringify(runAsJson(run), null, 2) : runSummary(run));
    }),
};

const follow: CommandModule<GlobalOptions, RunOptions> = {
  command: "follow <run>",
  describe: "Follow a run until it ends; Ctrl-C leaves it running",
  builder: (yargs) =>
    withRunAndJson(yargs).example("$0 runs follow faces-1", "Its progress, as train shows it"),
  handler: (options) =>
    withSignals(async (signal) => {
      const { store, run, state } = await openRun(options, signal);
      if (state.tag === "created")
        throw new TrainyardError("NOT_FOUND", `no coordinator has taken ${run} yet`);
      if (state.tag === "interrupted") throw nobodyAnswers(run, state.http);
      const end =
        state.tag === "live"
          ? await followRun({ http: state.http, run, store, signal, quiet: options.json })
          : await readEnd(store, run);
      if (end === null) throw new TrainyardError("FAILED", `the result of ${run} is gone`);
      out(options.json ? JSON.stringify(end.result ?? end) : `${run}: ${progressLine(end)}`);
      process.exitCode = exitCodeOf(end.phase);
    }),
};

const stop: CommandModule<GlobalOptions, RunOptions> = {
  command: "stop <run>",
  describe: "Stop a run after the step in progress",
  builder: (yargs) =>
    withRunAndJson(yargs).example("$0 runs stop faces-1", "It ends as stopped (exit code 3)"),
  handler: (options) =>
    withSignals(async (signal) => {
      const { run, state } = await openRun(options, signal);
      if (state.tag === "live") await requestStop(state.http, signal);
      else if (state.tag === "interrupted") throw nobodyAnswers(run, state.http);
      const isStopping = state.tag === "live";
      const said = isStopping ? `${run} stops after the step in progress` : `${run} is not running`;
      out(options.json ? JSON.stringify({ run, stopping: isStopping }) : said);
    }),
};

const remove: CommandModule<GlobalOptions, RunOptions> = {
  command: "delete <run>",
  describe: "Delete a run with its checkpoints, curve and exports",
  builder: (yargs) =>
    withRunAndJson(yargs, "Whole name of the run").example("$0 runs delete faces-1", "Refused while it runs"),
  handler: (options) =>
    withSignals(async (signal) => {
      const store = await openUserStore(options.store, signal, { create: false });
      const state = await readRunState(store, checkRunName(options.run), signal);
      const { run } = state;
      if (state.state.tag === "live") {
        const sentence = `${run} is ${stateName(state)}; stop it first: trainyard runs stop ${run}`;
        throw new TrainyardError("USAGE", sentence);
      }
      const keys: string[] = [];
      for await (const { key } of store.list(`${runKey(run)}/`, { signal })) keys.push(key);
      // spec.json last: as long as it is there, an interrupted deletion can be seen and done again.
      const last = runKey(run, "spec.json");
      for (const key of [...keys.filter((item) => item !== last), last]) await store.delete(key, { signal });
      const said = `${run} is deleted: ${keys.length} objects`;
      out(options.json ? JSON.stringify({ run, deleted: keys.length }) : said);
    }),
};

const nobodyAnswers = (run: string, http: string) =>
  new TrainyardError(
    "UNREACHABLE",
    `the coordinator of ${run} at ${http} does not answer; if it crashed, go on with trainyard train --resume ${run}`,
  );

export const command: CommandModule<GlobalOptions, GlobalOptions> = {
  command: "runs",
  describe: "List, show, follow, stop and delete runs",
  builder: (yargs) => yargs.command(list).command(show).command(follow).command(stop).command(remove),
  handler: () => undefined,
};
