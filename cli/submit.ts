/** `trainyard submit`: hands a run to a standing coordinator, which queues it and carries it out. */
import type { CommandModule } from "yargs";
import { TrainyardError } from "../shared/errors.js";
import type { SubmitReply } from "../shared/grpc/runs-messages.js";
import { placeInWords } from "../shared/queue.js";
import { type CoordinatorFlags, coordinatorOptions } from "./coordinator-options.js";
import { CoordinatorRuns } from "./coordinator-runs.js";
import { type GlobalOptions, jsonOption } from "./options.js";
import { Progress, progressLine } from "./progress.js";
import { exitCodeOf } from "./run-exit-code.js";
import { flagsByName } from "./run-flags.js";
import { type RunFlags, runOptions } from "./run-options.js";
import { clientSecurityOf } from "./security-flags.js";
import { withSignals } from "./signals.js";
import { writtenOptions } from "./strictness.js";

interface Options extends GlobalOptions, RunFlags, CoordinatorFlags {
  dataset?: string | undefined;
  resume?: string | undefined;
  follow: boolean;
  json: boolean;
}

const here = "Here:";

export const command: CommandModule<GlobalOptions, Options> = {
  command: "submit [dataset]",
  describe: "Hand a run to a standing coordinator, which queues it",
  builder: (yargs) =>
    yargs
      .positional("dataset", { type: "string", describe: "Name of a data set in the coordinator's store" })
      .options({
        ...coordinatorOptions,
        coordinator: { ...coordinatorOptions.coordinator, default: "127.0.0.1:7070" },
        follow: {
          type: "boolean",
          default: false,
          describe: "Follow it until it ends; Ctrl-C leaves it in the queue",
          group: here,
        },
        json: { ...jsonOption, group: here },
        resume: {
          type: "string",
          requiresArg: true,
          describe: "Go on with this run, which was stopped, has failed or was cut off",
          group: here,
        },
        ...runOptions,
      })
      .example("$0 submit faces --coordinator train-1:7070", "Queue a run with the classic model")
      .example("$0 submit faces --run faces-7 --epochs 40 --follow", "… under this name, and watch it")
      .example("$0 runs list --coordinator train-1:7070", "What waits and what runs")
      .epilogue("The same command again, with --run, hands nothing in twice.") as never,
  handler: async (options) => {
    process.exitCode = await withSignals((signal) => submit(options, signal));
  },
};

async function submit(options: Options, signal: AbortSignal): Promise<number> {
  const { coordinator = "", follow, json } = options;
  const runs = new CoordinatorRuns(coordinator, clientSecurityOf(options), signal);
  try {
    const reply = await runs.client.submit(requestOf(options));
    for (const note of reply.notes) process.stderr.write(`${note}\n`);
    if (!follow) return told(reply, json);
    process.stderr.write(`${inWords(reply)}\n`);
    const end = await runs.follow(reply.run, json ? null : new Progress(process.stderr));
    const text = json ? JSON.stringify(end.result ?? end) : `${end.run}: ${progressLine(end)}`;
    process.stdout.write(`${text}\n`);
    return exitCodeOf(end.phase);
  } finally {
    runs.close();
  }
}

function requestOf(options: Options) {
  const { dataset, resume } = options;
  if ((dataset === undefined) === (resume === undefined)) {
    throw new TrainyardError("USAGE", "name a data set, or a run with --resume: trainyard submit faces");
  }
  if (resume !== undefined) {
    refuseRunFlags(resume);
    return { dataset: "", flagsJson: "{}", resume };
  }
  return { dataset: dataset ?? "", flagsJson: JSON.stringify(flagsByName(options)), resume: "" };
}

/** They would change nothing. Errors: USAGE. */
function refuseRunFlags(run: string): void {
  const [flag] = writtenOptions(Object.keys(runOptions), process.argv.slice(2));
  if (flag === undefined) return;
  throw new TrainyardError("USAGE", `--${flag} was decided when ${run} began: leave it out to go on with it`);
}

function told(reply: SubmitReply, json: boolean): number {
  const { notes: _, ...document } = reply;
  process.stdout.write(`${json ? JSON.stringify(document) : inWords(reply)}\n`);
  return 0;
}

function inWords({ run, state, ahead }: SubmitReply): string {
  if (state === "queued") return `run ${run} is queued: ${placeInWords(ahead)}`;
  return state === "current" ? `run ${run} is under way` : `run ${run} ${state} before`;
}
