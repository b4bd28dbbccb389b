/**
 * `trainyard plan`: measures engine, exchange and reduction on this machine for some seconds, and predicts step time and
 * efficiency for growing numbers of workers. Nothing is stored.
 */
import { availableParallelism, loadavg } from "node:os";
import { parseLink } from "../plan/link.js";
import { type LinkWish, measureMachine } from "../plan/machine.js";
import { makePlan } from "../plan/make-plan.js";
import { planAsJson, planText } from "../plan/plan-text.js";
import { manifestOf } from "../runs/run-creation.js";
import { buildSpec } from "../runs/run-spec.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand } from "./command.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type PlanFlags = FlagsOf<typeof commandSettings.plan> & GlobalFlags;

export const command = defineCommand({
  name: "plan",
  describe: "Measure this machine for a few seconds and predict how a run scales",
  settings: commandSettings.plan,
  examples: [
    ["$0 plan faces --batch-size 128", "Step time and efficiency for 1 to 64 workers"],
    ["$0 plan faces --link 1Gbit --latency 0.2", "… on that network"],
  ],
  run: (flags) => withSignals((signal) => plan(flags, signal)),
});

async function plan(options: PlanFlags, signal: AbortSignal): Promise<void> {
  const { reducers, workersPerMachine } = options;
  const link = linkOf(options);
  const store = await openUserStore(options.store, signal, "read");
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

function linkOf({ link, latency = 0 }: Pick<PlanFlags, "link" | "latency">): LinkWish {
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
