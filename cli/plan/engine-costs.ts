/**
 * What computing costs here: the worker's own workplace (data set, engine thread, batches) does some lanes of the run,
 * alone and then with as many engines as the cores carry.
 */
import { availableParallelism } from "node:os";
import { callsPerLane, microBatchSize, type RunSpec } from "../../shared/spec.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { LaneBatches, type LanePlace } from "../../worker/batches.js";
import { EngineClient } from "../../worker/engine-client.js";
import { openWorkplace, type Workplace } from "../../worker/workplace.js";
import { type Spread, type Statistic, spreadOf } from "./spread.js";

export interface MeasuredEngine {
  /** Of the flat vector. */
  readonly parameters: number;
  /** Seconds of one engine call of a full micro-batch, alone. */
  readonly call: Spread;
  /** The same while `engines` of them work at once. */
  readonly together: { readonly engines: number; readonly call: Spread };
  readonly setWeights: Spread;
  /** Per image: read and decoded for the first time, and once the decoded image is kept. */
  readonly firstImageSeconds: number;
  readonly imageSeconds: number;
}

/** This machine's, in cores as fast as one that is busy alone. */
export const coresLike = ({ call, together }: MeasuredEngine, statistic: Statistic): number =>
  availableParallelism() * Math.min(1, call[statistic] / together.call[statistic]);

/** How long lanes are computed for each figure, and how many at least. */
const measureMs = 1_500;
const fewestLanes = 5;
/** Engines at once: more tell little more, and each needs memory. */
const mostEngines = 8;

/** Errors: the workplace's, INTERRUPTED by the signal. */
export async function measureEngine(
  spec: RunSpec,
  store: ObjectStore,
  signal: AbortSignal,
): Promise<MeasuredEngine> {
  const place = await openWorkplace(spec, store, signal);
  try {
    return await measurePlace(place, signal);
  } finally {
    await place.close();
  }
}

async function measurePlace(place: Workplace, signal: AbortSignal): Promise<MeasuredEngine> {
  const { spec, engine } = place;
  const weights = await initialWeights(place);
  const setting: number[] = [];
  for (let time = 0; time < 3; time += 1) setting.push((await engine.call("setWeights", weights)).seconds);
  const { batches, ...images } = await prepareImages(place);
  const calls = callsPerLane(spec);
  const alone = await computeLanes([engine], batches, calls, signal);
  const engines = Math.min(mostEngines, Math.floor(availableParallelism() / spec.engine.intraOpThreads));
  const others: EngineClient[] = [];
  try {
    for (let more = 1; more < engines; more += 1) others.push(await openEngine(spec, weights));
    const all = [engine, ...others];
    return {
      parameters: place.layout.parameterCount,
      call: alone,
      together: {
        engines: all.length,
        call: all.length === 1 ? alone : await computeLanes(all, batches, calls, signal),
      },
      setWeights: spreadOf(setting),
      ...images,
    };
  } finally {
    await Promise.all(others.map((other) => other.close()));
  }
}

type InitialWeights = Awaited<ReturnType<typeof initialWeights>>;

async function openEngine(spec: RunSpec, weights: InitialWeights): Promise<EngineClient> {
  const engine = new EngineClient({ spec, ...spec.engine });
  try {
    await engine.call("open", {});
    await engine.call("prepare", { gradients: [microBatchSize(spec)], evaluate: [] });
    await engine.call("setWeights", weights);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

async function initialWeights({ engine, layout, spec }: Workplace) {
  const parameters = (await engine.call("initialise", { seed: spec.seed })).output;
  const statistics = new Float32Array(layout.statisticsCount);
  for (const { offset, channels } of layout.batchNorms)
    statistics.fill(1, offset + channels, offset + 2 * channels);
  return { parameters, statistics };
}

/** The first lane's part of the first step, twice: the second time its images are decoded already. */
async function prepareImages(place: Workplace) {
  const { spec, manifest, training } = place;
  const at: LanePlace = { step: 0, epoch: 0, stepInEpoch: 0, lane: 0, excluded: new Set() };
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

/** Seconds per engine call, as the callers see them, over all engines. The first lane of each does not count. */
async function computeLanes(
  engines: readonly Workplace["engine"][],
  batches: Awaited<ReturnType<LaneBatches["of"]>>,
  calls: number,
  signal: AbortSignal,
): Promise<Spread> {
  await Promise.all(engines.map((engine) => engine.call("lane", { batches })));
  const untilMs = performance.now() + measureMs;
  const times = await Promise.all(
    engines.map(async (engine) => {
      const own: number[] = [];
      while (own.length < fewestLanes || performance.now() < untilMs) {
        signal.throwIfAborted();
        const startedMs = performance.now();
        await engine.call("lane", { batches });
        own.push((performance.now() - startedMs) / 1000 / calls);
      }
      return own;
    }),
  );
  return spreadOf(times.flat());
}
