/** `trainyard kube-job`: prints the workers of a run as a Kubernetes Job. It talks to no cluster. */
import { stringify } from "yaml";
import { checkRunName } from "../runs/run-name.js";
import { readRunState, stateName } from "../runs/run-state.js";
import { TrainyardError } from "../shared/errors.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { programVersion } from "../shared/version.js";
import { defineCommand } from "./command.js";
import { workersJob } from "./kube-job/job.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

type KubeJobFlags = FlagsOf<(typeof commandSettings)["kube-job"]> & GlobalFlags;

export const command = defineCommand({
  name: "kube-job",
  describe: "Print the workers of a run as a Kubernetes Job",
  settings: commandSettings["kube-job"],
  examples: [
    ["$0 kube-job faces-1 --workers 4 | kubectl apply --server-side -f -", "Four workers for faces-1"],
  ],
  epilogue: "deploy/kubernetes/README.md tells how the coordinator gets there.",
  run: (flags) => withSignals((signal) => print(flags, signal)),
});

async function print(options: KubeJobFlags, signal: AbortSignal): Promise<void> {
  const { workers, gpu, queue, minWorkers } = options;
  const run = checkRunName(options.run);
  if (minWorkers !== undefined && (queue === undefined || minWorkers > workers)) {
    throw new TrainyardError("USAGE", "--min-workers needs --queue, and can't be more than --workers");
  }
  if (options.lookUp) await lookUp(run, options, signal);
  const kind = gpu > 0 ? "gpu" : "cpu";
  const image = options.image ?? `trainyard/worker-${kind}:${programVersion()}`;
  // Kubernetes reads YAML 1.1, where more words and numbers need quotes than in 1.2.
  const job = stringify(workersJob({ ...options, run, image }), { version: "1.1", lineWidth: 0 });
  process.stdout.write(`# The workers of ${run}, printed by trainyard kube-job.\n${job}`);
}

/** Errors: NOT_FOUND, ALREADY_EXISTS when it is over, the store's. */
async function lookUp(run: string, { store, workers }: KubeJobFlags, signal: AbortSignal): Promise<void> {
  const found = await readRunState(await openUserStore(store, signal, "read"), run, signal);
  if (found.state.tag === "ended") {
    throw new TrainyardError("ALREADY_EXISTS", `the run ${run} is over: ${stateName(found)}`);
  }
  const { lanes } = found.spec;
  if (workers > lanes) {
    const spare = workers - lanes;
    process.stderr.write(
      `${run} has ${lanes} lanes: at most ${lanes} workers compute at a time, ${spare} of ${workers} ${spare === 1 ? "is a spare" : "are spares"}\n`,
    );
  }
}
