/**
 * `trainyard plan`: measures engine, exchange and reduction on this machine for some seconds, and predicts step time and
 * efficiency for growing numbers of workers. Nothing is stored.
 */
import { availableParallelism, loadavg } from "node:os";
import type { ArgumentsCamelCase, CommandModule } from "yargs";
import { parseLink } from "../plan/link.js";
import { type LinkWish, measureMachine } from "../plan/machine.js";
import { makePlan } from "../plan/make-plan.js";
import { planAsJson, planText } from "../plan/plan-text.js";
import { type GlobalOptions, jsonOption, numberOption } from "./options.js";
import { manifestOf } from "./run-creation.js";
import { type RunFlags, runOptions } from "./run-options.js";
import { buildSpec } from "./run-spec.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

export interface PlanOptions extends GlobalOptions, RunFlags {
  dataset: string;
  workers?: number | undefined;
  reducers: number;
  link?: string | undefined;
  latency?: number | undefined;
  workersPerMachine: number;
  json: boolean;
}

const { run: _, ...flagsOfRun } = runOptions;
const group = "The cluster:";

export const command: CommandModule<GlobalOptions, PlanOptions> = {
  command: "plan <dataset>",
  describe: "Measure this machine for a few seconds and predict how a run scales",
  builder: (yargs) =>
    yargs
      .positional("dataset", { type: "string", demandOption: true, describe: "Name of an imported data set" })
      .options({
        workers: numberOption(
          "workers",
          { min: 1, max: 1_024, whole: true },
          { describe: "Workers that the advice is for [default: as many as compute, at least 2]", group },
        ),
        reducers: numberOption(
          "reducers",
          { min: 1, max: 64, whole: true },
          { default: 1, describe: "Reducer threads of the coordinator", group },
        ),
        link: {
          type: "string",
          requiresArg: true,
          describe:
            "Of each machine: 1Gbit, 100Mbit or megabytes per second [default: loopback, as measured]",
          group,
        },
        latency: numberOption(
          "latency",
          { min: 0, max: 10_000 },
          { describe: "Milliseconds one way between machines [default: 0]", group },
        ),
        "workers-per-machine": numberOption(
          "workers-per-machine",
          { min: 1, max: 64, whole: true },
          { default: 1, describe: "Workers that share a machine, its cores and its link", group },
        ),
        json: jsonOption,
        ...flagsOfRun,
      })
      .example("$0 plan faces --batch-size 128", "Step time and efficiency for 1 to 64 workers")
      .example("$0 plan faces --link 1Gbit --latency 0.2", "… on that network") as never,
  handler: (options) => withSignals((signal) => plan(options, signal)),
};

async function plan(options: ArgumentsCamelCase<PlanOptions>, signal: AbortSignal): Promise<void> {
  const { reducers, workersPerMachine } = options;
  const link = linkOf(options);
  const store = await openUserStore(options.store, signal, { create: false });
  const manifest = await manifestOf(store, options.dataset, signal);
  const spec = buildSpec(options, manifest, "plan");
  process.stderr.write("measuring engine and exchange, some ten seconds …\n");
  const measured = await measureMachine(spec, store, reducers, signal);
  const made = makePlan(spec, measured, {
    workers: options.workers ?? Math.max(2, spec.lanes),
    workersPerMachine,
    link,
    cores: availableParallelism(),
  });
  process.stdout.write(`${options.json ? JSON.stringify(planAsJson(made), null, 2) : planText(made)}\n`);
  if (!options.json) process.stdout.write(busyNote());
}

function linkOf({ link, latency = 0 }: Pick<PlanOptions, "link" | "latency">): LinkWish {
  const { name, ...given } = link === undefined ? { name: "loopback" } : parseLink(link);
  return {
    ...given,
    name: latency === 0 ? name : `${name} with ${latency} ms each way`,
    latencySeconds: latency / 1000,
  };
}

/** What else ran just now went into the figures. */
function busyNote(): string {
  const [load = 0] = loadavg();
  const cores = availableParallelism();
  if (load <= 1.5 * cores) return "";
  return `This machine is busy (load ${load.toFixed(1)} on ${cores} cores): AT BEST is nearer to what it can do.\n`;
}
