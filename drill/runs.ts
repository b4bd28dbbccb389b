/**
 * The runs of a drill: one that nobody hurts, then the same one until every fault had its turn, in as many runs as
 * that takes. Each is a local cluster as `trainyard train` starts it.
 */
import { join } from "node:path";
import { LocalCluster } from "../local-cluster/local-cluster.js";
import { createRun } from "../runs/run-creation.js";
import { fromJson } from "../shared/curve.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { findPublication, publishedKey } from "../shared/publication.js";
import { flagsOf } from "../shared/settings/given.js";
import { runSettings } from "../shared/settings/run-settings.js";
import type { RunSpec } from "../shared/spec.js";
import type { RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
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
  /** The scratch store, opened. */
  readonly store: ObjectStore;
  readonly say: (line: string) => void;
}

/** What --json prints. */
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
  readonly runs: readonly RunJudged[];
  /** Every commit's weights and the final ones equal, nothing lost, nothing twice: what the exit code says. */
  readonly kept: boolean;
  /** Every next commit came in the time that is promised. */
  readonly boundsMet: boolean;
}

/** Samples of a lane in a step: long enough steps to be hit in one. */
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
  const unbroken = await trainOnce(plan, lanes, "unbroken", [], signal);
  const tookSeconds = (performance.now() - beganMs) / 1000;
  say(`   ${unbroken.end.steps.length} commits in ${tookSeconds.toFixed(0)} s`);
  const faults: FaultJudged[] = [];
  const runs: RunJudged[] = [];
  while (faults.length < faultNames.length) {
    const run = `broken-${runs.length + 1}`;
    say(`3  the same run, broken (${run})`);
    const { seen, end } = await trainOnce(plan, lanes, run, faultNames.slice(faults.length), signal);
    if (seen.length === 0) throw tooShort(faultNames[faults.length] as FaultName);
    faults.push(...judgeFaults(seen, unbroken.end, end));
    runs.push(judgeRun(run, unbroken.end, end));
  }
  return {
    format: "trainyard-drill/1",
    ...{ dataset, workers, lanes, epochs, seed, store: scratch.kind },
    unbroken: {
      commits: unbroken.end.steps.length,
      seconds: tookSeconds,
      weightsSha256: unbroken.end.weightsSha256,
    },
    faults,
    runs,
    kept: isKept(runs, faults),
    boundsMet: faults.every(({ bound }) => bound?.met !== false),
  };
}

const tooShort = (fault: FaultName) =>
  new TrainyardError("FAILED", `the run was over before the ${fault} had its turn: give it more --epochs`);

/** One run to its end, with as many of the faults as find their moment in it. */
async function trainOnce(
  plan: DrillPlan,
  lanes: number,
  run: string,
  faults: readonly FaultName[],
  signal: AbortSignal,
): Promise<{ readonly seen: readonly FaultSeen[]; readonly end: RunEnd }> {
  const { scratch, store, workers, logLevel, logFolder, say } = plan;
  const spec = await newRun(plan, lanes, run, signal);
  let readyMs = performance.now();
  const cluster = new LocalCluster({
    ...{ run, workers, reducers: 1, logLevel, detach: false },
    store: scratch.url,
    environment: scratch.environment,
    logFolder: join(logFolder, run),
    onNotice: (message) => say(`   ${message}`),
    onReady: () => {
      readyMs = performance.now();
    },
  });
  let watch: RunWatch | undefined;
  try {
    const { http } = await cluster.start();
    watch = new RunWatch({ run, http, signal, failed: cluster.failed });
    const arena: Arena = {
      run,
      http,
      cluster,
      watch,
      store: scratch,
      workers,
      readyMs: () => readyMs,
      say,
      signal,
    };
    const seen = await inflictAll(faults, arena);
    refuseOtherEnd(run, await watch.untilEnd(idleMs));
    await cluster.close(limits.drainMs);
    return { seen, end: await readRun(store, spec, signal) };
  } finally {
    watch?.close();
    await cluster.close(0);
  }
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

async function newRun(plan: DrillPlan, lanes: number, run: string, signal: AbortSignal): Promise<RunSpec> {
  // The settings' defaults, without what TRAINYARD_ variables would make of them.
  const defaults = flagsOf(runSettings, new Map());
  const { epochs, seed, dataset, store } = plan;
  const flags = { ...defaults, run, epochs, seed, lanes, batchSize: lanes * laneSamples };
  return (await createRun(store, dataset, flags, signal)).spec;
}

/** Errors: FAILED when it published nothing. */
async function readRun(store: ObjectStore, { run }: RunSpec, signal: AbortSignal): Promise<RunEnd> {
  const publication = await findPublication(store, run, signal);
  if (publication === null) throw new TrainyardError("FAILED", `the run ${run} has published no result`);
  const { folder, result } = publication;
  const curve = await store.get(publishedKey(run, folder, "curve.json"), { signal });
  const { steps } = fromJson(Buffer.from(curve).toString("utf8"));
  const { lost, repeated } = result.samples;
  return { steps, weightsSha256: result.weightsSha256, lost, repeated };
}
