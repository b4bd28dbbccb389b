/** `trainyard kube-job`: prints the workers of a run as a Kubernetes Job. It talks to no cluster. */
import { stringify } from "yaml";
import type { CommandModule } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import { programVersion } from "../shared/version.js";
import { workersJob } from "./kube-job/job.js";
import { type GlobalOptions, numberOption } from "./options.js";
import { checkRunName } from "./run-name.js";
import { readRunState, stateName } from "./run-state.js";
import { withSignals } from "./signals.js";
import { openUserStore } from "./user-store.js";

interface Options extends GlobalOptions {
  run: string;
  workers: number;
  namespace: string;
  image?: string | undefined;
  cpu: string;
  memory: string;
  gpu: number;
  spot: boolean;
  mtls: boolean;
  queue?: string | undefined;
  minWorkers?: number | undefined;
  lookUp: boolean;
}

/** More can't each have a name of their own, and no run has more lanes (shared/limits). */
const mostWorkers = 4_096;

const text = (option: string, rule: RegExp, example: string) => ({
  type: "string" as const,
  requiresArg: true,
  coerce: (written: string) => {
    if (rule.test(written)) return written;
    throw new TrainyardError("USAGE", `--${option} must be like ${example}, not ${JSON.stringify(written)}`);
  },
});

const name = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const quantity = /^\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$/;

export const command: CommandModule<GlobalOptions, Options> = {
  command: "kube-job <run>",
  describe: "Print the workers of a run as a Kubernetes Job",
  builder: (yargs) =>
    yargs
      .positional("run", { type: "string", demandOption: true, describe: "Whole name of the run" })
      .options({
        workers: numberOption(
          "workers",
          { min: 1, max: mostWorkers, whole: true },
          { default: 2, describe: "How many; may be changed while they work" },
        ),
        namespace: {
          ...text("namespace", name, "trainyard"),
          default: "trainyard",
          describe: "Where the coordinator stands",
        },
        image: {
          ...text("image", /^[^\s]+$/, "registry.example/trainyard/worker-cpu:1"),
          describe: "Image of the workers [default: trainyard/worker-cpu or -gpu of this version]",
        },
        cpu: { ...text("cpu", quantity, "2 or 500m"), default: "2", describe: "Processors of each" },
        memory: { ...text("memory", quantity, "4Gi"), default: "4Gi", describe: "Memory of each" },
        gpu: numberOption("gpu", { min: 0, max: 64, whole: true }, { default: 0, describe: "GPUs of each" }),
        spot: { type: "boolean", default: false, describe: "On machines that may be taken away at any time" },
        mtls: {
          type: "boolean",
          default: false,
          describe: "Workers are known by their certificates, not by a token (component mtls)",
        },
        queue: { ...text("queue", name, "trainyard"), describe: "Kueue's queue that they wait in" },
        "min-workers": numberOption(
          "min-workers",
          { min: 1, max: mostWorkers, whole: true },
          { describe: "With --queue: begin with so many while there is no room for all" },
        ),
        "look-up": {
          type: "boolean",
          default: false,
          describe: "Look the run up in --store: that it is there, not over, and has lanes for all",
        },
      })
      .example(
        "$0 kube-job faces-1 --workers 4 | kubectl apply --server-side -f -",
        "Four workers for faces-1",
      )
      .epilogue("deploy/kubernetes/README.md tells how the coordinator gets there.") as never,
  handler: (options) => withSignals((signal) => print(options, signal)),
};

async function print(options: Options, signal: AbortSignal): Promise<void> {
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
async function lookUp(run: string, { store, workers }: Options, signal: AbortSignal): Promise<void> {
  const found = await readRunState(await openUserStore(store, signal, { create: false }), run, signal);
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
