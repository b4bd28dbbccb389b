/** How long an engine takes for lanes of a run, one after another. */
import type { RunSpec } from "../shared/spec.js";
import { callsPerLane, drawsOf, microBatchSize } from "../shared/spec.js";
import { emptyStatistics, publishStatistics } from "../shared/statistics.js";
import type { LaneBatches } from "../worker/batches.js";
import { EngineClient } from "../worker/engine-client.js";
import type { PreparedRun } from "../worker/prepared-run.js";

/** A lane's engine calls of one step. */
export type Batches = Awaited<ReturnType<LaneBatches["of"]>>;
type Engine = PreparedRun["engine"];

/** How long lanes are computed for one figure, and how many at least. */
const measureMs = 1_500;
const fewestLanes = 5;

/** Seconds of an engine call, as the caller sees it. The first lane does not count. */
export async function laneTimes(
  engine: Engine,
  batches: Batches,
  spec: RunSpec,
  signal: AbortSignal,
): Promise<number[]> {
  await engine.call("lane", { batches });
  const untilMs = performance.now() + measureMs;
  const times: number[] = [];
  while (times.length < fewestLanes || performance.now() < untilMs) {
    signal.throwIfAborted();
    const startedMs = performance.now();
    await engine.call("lane", { batches });
    times.push((performance.now() - startedMs) / 1000 / callsPerLane(spec));
  }
  return times;
}

/** Fresh weights into an engine; seconds that it took. */
export async function setInitialWeights(
  engine: Engine,
  spec: RunSpec,
  layout: PreparedRun["layout"],
): Promise<number> {
  const parameters = (await engine.call("initialise", { seed: spec.seed, draws: drawsOf(spec) })).output;
  const statistics = publishStatistics(layout, emptyStatistics(layout));
  return (await engine.call("setWeights", { parameters, statistics })).seconds;
}

/** An engine for full micro-batches of the run, with fresh weights. Errors: the engine's. */
export async function openEngine(spec: RunSpec): Promise<EngineClient> {
  const engine = new EngineClient({ spec, ...spec.engine });
  try {
    const { layout } = (await engine.call("open", {})).output;
    await engine.call("prepare", { gradients: [microBatchSize(spec)], evaluate: [] });
    await setInitialWeights(engine, spec, layout);
    return engine;
  } catch (error) {
    await engine.close();
    throw error;
  }
}
