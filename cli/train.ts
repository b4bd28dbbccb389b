/** `trainyard train`: a run on this machine, from the flags to the exported model, followed as it goes. */

import { LocalCluster } from "../local-cluster/local-cluster.js";
import { changesOf, changeWords, refuseDecided, resumableRun } from "../runs/resume.js";
import { createRun, withdrawRun } from "../runs/run-creation.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { RunResult } from "../shared/result.js";
import { commandSettings } from "../shared/settings/command-settings.js";
import type {
  DeviceFlags,
  GlobalFlags,
  ImageCacheFlags,
  TraceFlags,
} from "../shared/settings/process-settings.js";
import type { FlagsOf } from "../shared/settings/setting.js";
import type { RunSpec } from "../shared/spec.js";
import { hasEnded, type RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { defineCommand, type WrittenSettings } from "./command.js";
import { announceDevice, deviceWords } from "./device-flags.js";
import { imageCacheWords } from "./image-cache-flags.js";
import { followRun, Progress } from "./progress.js";
import { exitCodeOf } from "./run-exit-code.js";
import { leftOut } from "./run-summary.js";
import { withSignals } from "./signals.js";
import { ratioWords, traceWords } from "./trace-flags.js";
import { openUserStore } from "./user-store.js";

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

async function train(options: TrainFlags, written: WrittenSettings, signal: AbortSignal) {
  await announceDevice(options.device); // refused before a run is made; its workers look for themselves
  if (options.resume !== undefined) {
    return await resume(options.resume, options, written, signal);
  }
  if (options.dataset === undefined) {
    throw new TrainyardError("USAGE", "name a data set, or a run with --resume: trainyard train faces");
  }
  const store = await openUserStore(options.store, signal, { create: false });
  const { spec, notes } = await createRun(store, options.dataset, options, signal);
  for (const note of notes) process.stderr.write(`${note}\n`);
  return await trainLocally(store, spec, options, signal);
}

async function resume(name: string, options: TrainFlags, written: WrittenSettings, signal: AbortSignal) {
  if (options.dataset !== undefined) {
    throw new TrainyardError(
      "USAGE",
      "--resume takes the data set of its run: leave the data set's name out",
    );
  }
  refuseDecided(name, written);
  const store = await openUserStore(options.store, signal, { create: false });
  const changes = changesOf(options, written);
  const { spec, notes } = await resumableRun(store, name, changes, signal);
  for (const note of notes) process.stderr.write(`${note}\n`);
  return await trainLocally(store, spec, { ...options, changes: changeWords(changes) }, signal);
}

type LocalOptions = Pick<
  TrainFlags,
  "store" | "workers" | "reducers" | "detach" | "json" | "logLevel" | "resume"
> &
  Partial<DeviceFlags> &
  Partial<ImageCacheFlags> &
  Partial<TraceFlags> & {
    /** Flags of the coordinator that goes on with a run. */
    readonly changes?: readonly string[];
  };

/** Starts a cluster on this machine, follows the run and reports its end. Returns the exit code. */
export async function trainLocally(
  store: ObjectStore,
  spec: RunSpec,
  options: LocalOptions,
  signal: AbortSignal,
): Promise<number> {
  const progress = new Progress(process.stderr);
  const cluster = new LocalCluster({
    ...options,
    run: spec.run,
    workers: usefulWorkers(spec, options.workers),
    workerFlags: [...deviceWords(options), ...imageCacheWords(options), ...traceWords(options)],
    coordinatorFlags: [...traceWords(options), ...ratioWords(options)],
    onNotice: (message) => progress.note(message),
  });
  const stop = () => cluster.stop();
  signal.addEventListener("abort", stop, { once: true });
  const addresses = await cluster.start().catch(async (error: unknown) => {
    await cluster.close(0);
    if (options.resume === undefined) await withdrawRun(store, spec.run);
    throw error;
  });
  process.stderr.write(
    `run ${spec.run}: http://${addresses.http}/ shows it, logs are in ${cluster.logFolder}\n`,
  );
  for (const note of addresses.notes) process.stderr.write(`${note}\n`);
  if (options.detach) return detached(cluster, spec, addresses, options.json);
  try {
    const end = await followCluster(cluster, addresses.http, { store, spec, progress, json: options.json });
    report(spec, end, store, options.json);
    if (end.phase === "failed") process.stderr.write(`the logs say more: ${cluster.logFolder}\n`);
    return exitCodeOf(end.phase);
  } finally {
    signal.removeEventListener("abort", stop);
    await cluster.close(limits.drainMs);
  }
}

interface Followed {
  readonly store: ObjectStore;
  readonly spec: RunSpec;
  readonly progress: Progress;
  readonly json: boolean;
}

/** Follows the run to its end. Errors: FAILED when the cluster can't go on; until then its coordinator may be away. */
function followCluster(cluster: LocalCluster, http: string, followed: Followed): Promise<RunStatus> {
  const { store, spec, progress, json } = followed;
  const end = followRun({ http, run: spec.run, store, quiet: json, progress, awayMs: coordinatorAwayMs });
  end.catch(() => undefined); // the race below reports it
  return Promise.race([end, cluster.failed]);
}

/** A coordinator that is started again waits for a store that is away, too. */
const coordinatorAwayMs = 120_000;

/** More workers than lanes would only wait. */
function usefulWorkers(spec: RunSpec, workers: number): number {
  const spares = workers - spec.lanes;
  if (spares > 0) {
    const lanes = spec.lanes === 1 ? "1 lane" : `${spec.lanes} lanes`;
    const who = spares === 1 ? "1 of them stands by" : `${spares} of them stand by`;
    process.stderr.write(
      `${workers} workers, ${lanes}: ${who} (evaluation, and lanes of a worker that is lost)\n`,
    );
  }
  return workers;
}

function detached(
  cluster: LocalCluster,
  spec: RunSpec,
  addresses: { address: string; http: string },
  json: boolean,
) {
  cluster.detach();
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
  const accuracy = end.validation?.accuracy;
  const reached = accuracy == null ? "" : `, validation accuracy ${(100 * accuracy).toFixed(2)} %`;
  process.stdout.write(`run ${spec.run} ${end.phase}: ${end.message ?? ""}${reached}\n`);
  if (end.phase !== "finished") return;
  const result = RunResult.safeParse(end.result);
  const damage = result.success ? leftOut(result.data) : null;
  if (damage !== null) process.stdout.write(`${damage}\n`);
  process.stdout.write(`model, curve and report: ${store.url} under runs/${spec.run}/\n`);
  process.stdout.write(`classify: trainyard predict ${spec.run} PHOTO.jpg\n`);
}
