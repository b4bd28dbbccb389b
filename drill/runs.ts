/**
 * The runs of a drill: first one without faults, then the same run with faults, repeated until every fault was tried. Each is
 * a local cluster as `trainyard train` starts it.
 */
import { join } from "node:path";
import { openDataset } from "../dataset/dataset-reader.js";
import { LocalCluster } from "../local-cluster/local-cluster.js";
import { createRun } from "../runs/run-creation.js";
import { fromJson } from "../shared/curve.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { findPublication, publishedKey } from "../shared/publication.js";
import type { RunResult } from "../shared/result.js";
import { flagsOf } from "../shared/settings/given.js";
import { runSettings } from "../shared/settings/run-settings.js";
import type { RunSpec } from "../shared/spec.js";
import type { RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type DamageJudged, damageShard, judgeDamage } from "./damaged-shard.js";
import { type Arena, inflict } from "./faults.js";
import type { ScratchStore } from "./scratch-store.js";
import {
  type FaultJudged,
  type FaultName,
  type FaultSeen,
  faultNames,
  isKept,
  judgeFaults,
  judgeRun,
  type RunEnd,
  type RunJudged,
} from "./verdict.js";
import { RunWatch } from "./watch.js";

export interface DrillPlan {
  readonly dataset: string;
  readonly workers: number;
  readonly epochs: number;
  readonly seed: number;
  readonly logLevel: string;
  readonly logFolder: string;
  readonly scratch: ScratchStore;
  /** The opened scratch store. */
  readonly store: ObjectStore;
  readonly say: (line: string) => void;
}

/** The report of a drill, as `--json` prints it. */
export interface DrillReport {
  readonly format: "trainyard-drill/1";
  readonly dataset: string;
  readonly workers: number;
  readonly lanes: number;
  readonly epochs: number;
  readonly seed: number;
  readonly store: ScratchStore["kind"];
  /** The reference run, without faults. */
  readonly unbroken: { readonly commits: number; readonly seconds: number; readonly weightsSha256: string };
  /** In the order in which they were tried. */
  readonly faults: readonly FaultJudged[];
  /** Faults that could not be tried here, with the reason. */
  readonly leftOut: readonly { readonly fault: FaultName; readonly reason: string }[];
  readonly damage: DamageJudged;
  readonly runs: readonly RunJudged[];
  /** True when all weights are equal, no sample was lost or counted twice, and damage was left out. Decides the exit code. */
  readonly kept: boolean;
  /** True when every next commit came within the promised time. */
  readonly boundsMet: boolean;
}

type DrillEnd = RunEnd & Pick<RunResult, "samples" | "exclusions">;

/** Samples of a lane in a step: steps are then long enough for a fault to hit one. */
const laneSamples = 16;
const fewestLanes = 4;
/** A run in which nothing happens for so long has hung: beginning, evaluating and exporting take less. */
const idleMs = 300_000;

/** Errors: FAILED when a run fails or does not go on; the signal's reason. */
export async function drillRuns(plan: DrillPlan, signal: AbortSignal): Promise<DrillReport> {
  const { say, dataset, workers, epochs, seed, scratch } = plan;
  const lanes = Math.max(fewestLanes, workers);
  say(`2  train ${epochs} epochs on ${workers} workers, unbroken`);
  const beganMs = performance.now();
  const unbroken = await trainOnce(plan, { lanes, run: "unbroken", faults: [] }, signal);
  const tookSeconds = (performance.now() - beganMs) / 1000;
  say(`   ${unbroken.end.steps.length} commits in ${tookSeconds.toFixed(0)} s`);
  const faults: FaultJudged[] = [];
  const runs: RunJudged[] = [];
  const possible = faultNames.filter((fault) => fault !== "full disk" || scratch.disk !== null);
  while (faults.length < possible.length) {
    const run = `broken-${runs.length + 1}`;
    say(`3  the same run, broken (${run})`);
    const todo = possible.slice(faults.length);
    const { seen, end } = await trainOnce(plan, { lanes, run, faults: todo }, signal);
    if (seen.length === 0) throw tooShort(possible[faults.length] as FaultName);
    faults.push(...judgeFaults(seen, unbroken.end, end));
    runs.push(judgeRun(run, unbroken.end, end));
  }
  const damage = await trainDamaged(plan, lanes, signal);
  return {
    format: "trainyard-drill/1",
    ...{ dataset, workers, lanes, epochs, seed, store: scratch.kind },
    unbroken: {
      commits: unbroken.end.steps.length,
      seconds: tookSeconds,
      weightsSha256: unbroken.end.weightsSha256,
    },
    faults,
    leftOut: possible.includes("full disk") ? [] : [{ fault: "full disk", reason: noDisk(scratch.kind) }],
    damage,
    runs,
    kept: isKept(runs, faults) && damage.kept,
    boundsMet: faults.every(({ bound }) => bound?.met !== false),
  };
}

const noDisk = (kind: ScratchStore["kind"]) =>
  kind === "minio"
    ? "a disk is filled under a folder only, so leave --minio out"
    : "this user may not mount a disk of its own (tmpfs) to fill, or the data set is too large for one";

/** A run with every sum audited on a data set of which some images are damaged. */
async function trainDamaged(plan: DrillPlan, lanes: number, signal: AbortSignal): Promise<DamageJudged> {
  const { store, say, dataset, epochs } = plan;
  const { manifest } = await openDataset(store, dataset, undefined, { signal });
  const { damaged, mend } = await damageShard(store, manifest, signal);
  say(`4  the same run with every sum audited, ${damaged.length} images of a shard damaged`);
  try {
    const { end } = await trainOnce(plan, { lanes, run: "damaged", faults: [], audit: 1 }, signal);
    const trainingSamples = manifest.splits.train.samples;
    return judgeDamage({ run: "damaged", ...end }, { damaged, trainingSamples, epochs });
  } finally {
    await mend();
  }
}

const tooShort = (fault: FaultName) =>
  new TrainyardError("FAILED", `the run was over before the ${fault} had its turn: give it more --epochs`);

/** One run of the drill. */
interface DrillRun {
  readonly run: string;
  readonly lanes: number;
  /** Faults to try, in this order, as long as the run lasts. */
  readonly faults: readonly FaultName[];
  /** Share of the sums that a second worker computes as well. Default: that of every run. */
  readonly audit?: number;
}

/** Trains one run to its end, with as many of its faults as the run is long enough for. */
async function trainOnce(
  plan: DrillPlan,
  { run, lanes, faults, audit }: DrillRun,
  signal: AbortSignal,
): Promise<{ readonly seen: readonly FaultSeen[]; readonly end: DrillEnd }> {
  const { scratch, store, workers, say } = plan;
  const spec = await newRun(plan, { lanes, run, ...(audit === undefined ? {} : { audit }) }, signal);
  let readyAtMs = performance.now();
  const readyMs = () => readyAtMs;
  const cluster = clusterOf(plan, run, () => {
    readyAtMs = performance.now();
  });
  let watch: RunWatch | undefined;
  try {
    const { http } = await cluster.start();
    watch = new RunWatch({ run, http, signal, failed: cluster.failed });
    const arena: Arena = { run, http, cluster, watch, store: scratch, workers, readyMs, say, signal };
    const seen = await inflictAll(faults, arena);
    refuseOtherEnd(run, await watch.untilEnd(idleMs));
    await cluster.close(limits.drainMs);
    return { seen, end: await readRun(store, spec, signal) };
  } finally {
    watch?.close();
    await cluster.close(0);
  }
}

/** The cluster of a run. `onReady` is called each time that its coordinator is ready for workers. */
function clusterOf(plan: DrillPlan, run: string, onReady: () => void): LocalCluster {
  const { scratch, workers, logLevel, logFolder, say } = plan;
  return new LocalCluster({
    ...{ run, workers, reducers: 1, logLevel, detach: false },
    store: scratch.url,
    environment: scratch.environment,
    logFolder: join(logFolder, run),
    onNotice: (message) => say(`   ${message}`),
    onReady,
  });
}

async function inflictAll(faults: readonly FaultName[], arena: Arena): Promise<FaultSeen[]> {
  const seen: FaultSeen[] = [];
  for (const fault of faults) {
    const found = await inflict(fault, arena);
    if (found === null) break;
    seen.push(found);
  }
  return seen;
}

function refuseOtherEnd(run: string, { phase, message }: RunStatus): void {
  if (phase === "finished") return;
  throw new TrainyardError("FAILED", `the run ${run} ${phase}: ${message ?? "without a reason"}`);
}

async function newRun(
  plan: DrillPlan,
  settings: { readonly lanes: number; readonly run: string; readonly audit?: number },
  signal: AbortSignal,
): Promise<RunSpec> {
  // The settings' defaults, without what TRAINYARD_ variables would make of them.
  const defaults = flagsOf(runSettings, new Map());
  const { epochs, seed, dataset, store } = plan;
  const flags = { ...defaults, ...settings, epochs, seed, batchSize: settings.lanes * laneSamples };
  return (await createRun(store, dataset, flags, { signal })).spec;
}

/** Errors: FAILED when it published nothing. */
async function readRun(store: ObjectStore, { run }: RunSpec, signal: AbortSignal): Promise<DrillEnd> {
  const publication = await findPublication(store, run, signal);
  if (publication === null) throw new TrainyardError("FAILED", `the run ${run} has published no result`);
  const { folder, result } = publication;
  const curve = await store.get(publishedKey(run, folder, "curve.json"), { signal });
  const { steps } = fromJson(Buffer.from(curve).toString("utf8"));
  const { samples, exclusions, weightsSha256 } = result;
  return { steps, weightsSha256, lost: samples.lost, repeated: samples.repeated, samples, exclusions };
}
