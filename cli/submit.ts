/** `trainyard submit`: hands a run to a standing coordinator, which queues it and carries it out. */

import { flagsByName } from "../runs/run-flags.js";
import { TrainyardError } from "../shared/errors.js";
import type { SubmitReply } from "../shared/grpc/runs-messages.js";
import { placeInWords } from "../shared/queue.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import { runSettings } from "../shared/settings/run-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import { defineCommand, type WrittenSettings } from "./command.js";
import { CoordinatorRuns } from "./coordinator-runs.js";
import { Progress, progressLine } from "./progress.js";
import { exitCodeOf } from "./run-exit-code.js";
import { clientSecurityOf } from "./security-flags.js";
import { withSignals } from "./signals.js";

type SubmitFlags = FlagsOf<typeof commandSettings.submit>;

export const command = defineCommand({
  name: "submit",
  describe: "Hand a run to a standing coordinator, which queues it",
  settings: commandSettings.submit,
  examples: [
    ["$0 submit faces --coordinator train-1:7070", "Queue a run with the classic model"],
    ["$0 submit faces --run faces-7 --epochs 40 --follow", "… under this name, and watch it"],
    ["$0 runs list --coordinator train-1:7070", "What waits and what runs"],
  ],
  epilogue: "The same command again, with --run, hands nothing in twice.",
  run: async (flags, written) => {
    process.exitCode = await withSignals((signal) => submit(flags, written, signal));
  },
});

async function submit(options: SubmitFlags, written: WrittenSettings, signal: AbortSignal): Promise<number> {
  const { coordinator, follow, json } = options;
  const runs = new CoordinatorRuns(coordinator, clientSecurityOf(options), signal);
  try {
    const reply = await runs.client.submit(requestOf(options, written));
    for (const note of reply.notes) process.stderr.write(`${note}\n`);
    if (!follow) return report(reply, json);
    process.stderr.write(`${inWords(reply)}\n`);
    const end = await runs.follow(reply.run, json ? null : new Progress(process.stderr));
    const text = json ? JSON.stringify(end.result ?? end) : `${end.run}: ${progressLine(end)}`;
    process.stdout.write(`${text}\n`);
    return exitCodeOf(end.phase);
  } finally {
    runs.close();
  }
}

function requestOf(options: SubmitFlags, written: WrittenSettings) {
  const { dataset, resume } = options;
  if ((dataset === undefined) === (resume === undefined)) {
    throw new TrainyardError("USAGE", "name a data set, or a run with --resume: trainyard submit faces");
  }
  if (resume !== undefined) {
    refuseRunFlags(resume, written);
    return { dataset: "", flagsJson: "{}", resume };
  }
  return { dataset: dataset ?? "", flagsJson: JSON.stringify(flagsByName(options)), resume: "" };
}

/** Settings of a run are decided when it begins. Errors: USAGE. */
function refuseRunFlags(run: string, written: WrittenSettings): void {
  const flag = Object.keys(runSettings).find((name) => written.has(name));
  if (flag === undefined) return;
  throw new TrainyardError("USAGE", `--${flag} was decided when ${run} began: leave it out to go on with it`);
}

function report(reply: SubmitReply, json: boolean): number {
  const { notes: _, ...document } = reply;
  process.stdout.write(`${json ? JSON.stringify(document) : inWords(reply)}\n`);
  return 0;
}

function inWords({ run, state, ahead }: SubmitReply): string {
  if (state === "queued") return `run ${run} is queued: ${placeInWords(ahead)}`;
  return state === "current" ? `run ${run} is under way` : `run ${run} ${state} before`;
}
