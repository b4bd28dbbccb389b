/**
 * What computing costs here: the worker's own workplace (data set, engine thread, batches) does some lanes of the run,
 * alone and then beside as many other processes as the cores carry.
 */

import { availableParallelism } from "node:os";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { LaneBatches } from "../worker/batches.js";
import { type PreparedRun, prepareRun } from "../worker/prepared-run.js";
import { EngineProcesses } from "./engine-processes.js";
import { type Batches, laneTimes, setInitialWeights } from "./lane-times.js";
import { type Spread, type Statistic, spreadOf } from "./spread.js";

export interface MeasuredEngine {
  /** Length of the flat parameter vector. */
  readonly parameters: number;
  /** Seconds of one engine call of a full micro-batch, alone. */
  readonly call: Spread;
  /** Seconds of such a call while `engines` engines work at once. */
  readonly together: { readonly engines: number; readonly call: Spread };
  readonly setWeights: Spread;
  /** Per image: read and decoded for the first time, and once the decoded image is kept. */
  readonly firstImageSeconds: number;
  readonly imageSeconds: number;
}

/** Cores of this machine, counted in cores as fast as one that is busy alone. */
export const coresLike = ({ call, together }: MeasuredEngine, statistic: Statistic): number =>
  availableParallelism() * Math.min(1, call[statistic] / together.call[statistic]);

/** Most engines that are measured at once: more would add little, and each needs memory. */
const mostEngines = 8;

/** Measures the engine for a run. Errors: those of prepareRun, ENGINE, INTERRUPTED by the signal. */
export async function measureEngine(
  spec: RunSpec,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<MeasuredEngine> {
  const place = await prepareRun(spec, store, signal);
  try {
    return await measurePlace(place, signal);
  } finally {
    await place.close();
  }
}

async function measurePlace(place: PreparedRun, signal: AbortSignal): Promise<MeasuredEngine> {
  const { spec, engine, layout } = place;
  const setting: number[] = [];
  for (let time = 0; time < 3; time += 1) setting.push(await setInitialWeights(engine, spec, layout));
  const { batches, ...images } = await prepareImages(place);
  const alone = spreadOf(await laneTimes(engine, batches, spec, signal));
  return {
    parameters: layout.parameterCount,
    call: alone,
    together: await computeTogether(place, batches, alone, signal),
    setWeights: spreadOf(setting),
    ...images,
  };
}

/** One engine for every `intraOpThreads` cores. */
async function computeTogether(
  { spec, engine }: PreparedRun,
  batches: Batches,
  alone: Spread,
  signal: AbortSignal,
): Promise<MeasuredEngine["together"]> {
  const engines = Math.min(mostEngines, Math.floor(availableParallelism() / spec.engine.intraOpThreads));
  if (engines <= 1) return { engines: 1, call: alone };
  const others = new EngineProcesses(engines - 1);
  const abandon = () => others.close();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    await others.open(spec, batches);
    const times = await Promise.all([laneTimes(engine, batches, spec, signal), others.laneTimes()]);
    return { engines, call: spreadOf(times.flat()) };
  } finally {
    signal.removeEventListener("abort", abandon);
    others.close();
  }
}

/** The first lane's part of the first step, and again: then its images are decoded already. */
async function prepareImages(place: PreparedRun) {
  const { spec, manifest, training } = place;
  const step = { step: 0, epoch: 0, stepInEpoch: 0, excluded: new Set<number>() };
  const at = { ...step, lane: 0 };
  const load = async () => {
    const startedMs = performance.now();
    const batches = await new LaneBatches(spec, manifest.splits.train, training, 1).of(at);
    const images = batches.reduce((sum, { labels }) => sum + labels.length, 0);
    return { batches, seconds: (performance.now() - startedMs) / 1000 / images };
  };
  const first = await load();
  const again = [await load(), await load(), await load()];
  return {
    batches: first.batches,
    firstImageSeconds: first.seconds,
    imageSeconds: Math.min(...again.map(({ seconds }) => seconds)),
  };
}
