/** `trainyard train`: a run on this machine, from the flags to the exported model, followed as it goes. */

import { LocalTraining, type LocalTrainingOptions, spareWorkersNotice } from "../library/local-training.js";
import { checkTrainingRequest, prepareTraining } from "../library/run-preparation.js";
import { realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { percent } from "../shared/readable-numbers.js";
import { RunResult } from "../shared/result.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type { GlobalFlags } from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import type { RunSpec } from "../shared/spec.js";
import { hasEnded, type RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { defineCommand, type WrittenSettings } from "./command.js";
import { announceDevice } from "./device-flags.js";
import { keptInWords } from "./durability.js";
import { Progress } from "./progress.js";
import { exitCodeOf } from "./run-exit-code.js";
import { leftOut } from "./run-summary.js";
import { withSignals } from "./signals.js";
import { notice, openUserStore } from "./user-store.js";

type TrainFlags = FlagsOf<typeof commandSettings.train> & GlobalFlags;

export const command = defineCommand({
  name: "train",
  describe: "Train a classifier on a data set, with workers on this machine",
  settings: commandSettings.train,
  examples: [
    ["$0 train faces", "Train the classic face classifier on the data set faces"],
    ["$0 train faces --epochs 40 --patience 5 --seed 7", "Stop early, keep the best weights"],
    ["$0 train faces --batch-size 128 --workers 8", "More lanes, more workers"],
    ["$0 train --resume latest", "Go on with a run that was stopped or cut off"],
    ["$0 train --resume faces-1 --epochs 40", "… and train it longer"],
  ],
  run: async (flags, written) => {
    process.exitCode = await withSignals((signal) => train(flags, written, signal));
  },
});

async function train(flags: TrainFlags, written: WrittenSettings, signal: AbortSignal) {
  await announceDevice(flags.device); // refused before a run is made; its workers look for themselves
  const request = { flags, written };
  checkTrainingRequest(request);
  const store = await openUserStore(flags.store, signal, "write");
  const { spec, notes, changes, isResumed } = await prepareTraining(store, request, signal);
  for (const note of notes) notice(note);
  return await trainLocally(store, spec, { ...flags, changes, isResumed }, signal);
}

/** A local training, and how the command ends and prints. */
type LocalOptions = Omit<LocalTrainingOptions, "onNotice"> & {
  readonly detach: boolean;
  readonly json: boolean;
};

/** Starts the cluster, shows the run until it ends, prints the result. Returns the exit code. */
export async function trainLocally(
  store: ObjectStore,
  spec: RunSpec,
  options: LocalOptions,
  signal: AbortSignal,
): Promise<number> {
  const progress = new Progress(process.stderr);
  const spares = spareWorkersNotice(spec, options.workers);
  if (spares !== null) notice(spares);
  const onNotice = (message: string) => progress.note(message);
  const training = await LocalTraining.start(store, spec, { ...options, onNotice }, signal);
  const { addresses, logFolder } = training;
  notice(`run ${spec.run}: http://${addresses.http}/ shows it, logs are in ${logFolder}`);
  for (const note of addresses.notes) notice(note);
  if (options.detach) return detached(training, spec, options.json);
  const end = await shown(training, options.json ? null : progress);
  report(spec, end, store, options.json);
  if (end.phase === "failed") notice(`the logs say more: ${logFolder}`);
  return exitCodeOf(end.phase);
}

/** Watches the run and shows it. `progress`: null = quiet. */
async function shown(training: LocalTraining, progress: Progress | null): Promise<RunStatus> {
  const pollMs = process.stderr.isTTY === true ? 250 : 1000;
  const onStatus = (status: RunStatus) => progress?.show(status, realClock.nowMs());
  return await training.untilEnd({ pollMs, onStatus }).finally(() => progress?.end());
}

function detached(training: LocalTraining, spec: RunSpec, json: boolean): number {
  const { addresses } = training;
  training.detach();
  const text = json
    ? JSON.stringify({ run: spec.run, ...addresses })
    : `follow it: trainyard runs follow ${spec.run}`;
  process.stdout.write(`${text}\n`);
  return 0;
}

function report(spec: RunSpec, end: RunStatus, store: ObjectStore, json: boolean): void {
  if (!hasEnded(end.phase)) throw new TrainyardError("FAILED", `lost sight of the run ${spec.run}`);
  if (json) {
    process.stdout.write(`${JSON.stringify(end.result ?? end)}\n`);
    return;
  }
  const accuracy = end.phase === "failed" ? null : end.validation?.accuracy;
  const reached = accuracy == null ? "" : `, validation accuracy ${percent(accuracy)}`;
  process.stdout.write(`run ${spec.run} ${end.phase}: ${end.message ?? ""}${reached}\n`);
  if (end.phase !== "finished") return void process.stdout.write(`kept: ${keptInWords(end)}\n`);
  const result = RunResult.safeParse(end.result);
  const damage = result.success ? leftOut(result.data) : null;
  if (damage !== null) process.stdout.write(`${damage}\n`);
  process.stdout.write(`model, curve and report: ${store.url} under runs/${spec.run}/\n`);
  process.stdout.write(`classify: trainyard predict ${spec.run} PHOTO.jpg\n`);
}
