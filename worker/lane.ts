/**
 * The mathematics of one lane (DESIGN 5.5), in the engine's thread: its micro-batches' gradients are summed in
 * float32, its statistics combined in float64, and everything is looked at for NaN and infinity before it leaves.
 */
import type { Engine, MicroBatch } from "../engine/engine.js";
import { combineStatistics, undoBesselCorrection } from "../shared/statistics.js";
import { addInto } from "../shared/tree.js";

export interface LaneOutcome {
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** False: the gradient must not be added to anything. */
  readonly finite: boolean;
  /** float32 [parameterCount]. */
  readonly gradient: Float32Array;
  /** float64 [statisticsCount], biased variances. */
  readonly statistics: Float64Array;
}

export function computeLane(engine: Engine, batches: readonly MicroBatch[]): LaneOutcome {
  const results = batches.map((batch) => engine.gradients(batch));
  const [first, ...rest] = results;
  if (first === undefined) throw new Error("invariant broken: a lane without samples was computed");
  for (const result of rest) addInto(first.gradient, result.gradient);
  const statistics = combineStatistics(
    engine.layout,
    results.map((result) => ({
      samples: result.samples,
      values: undoBesselCorrection(engine.layout, result.statistics, result.samples),
    })),
  );
  const lossSum = results.reduce((sum, result) => sum + result.lossSum, 0);
  return {
    lossSum,
    correct: results.reduce((sum, result) => sum + result.correct, 0),
    samples: results.reduce((sum, result) => sum + result.samples, 0),
    finite: Number.isFinite(lossSum) && isFiniteVector(statistics) && isFiniteVector(first.gradient),
    gradient: first.gradient,
    statistics,
  };
}

/** x - x is 0 for every finite x and NaN for the rest; one pass, no branch. */
function isFiniteVector(vector: Float32Array | Float64Array): boolean {
  let residue = 0;
  for (let i = 0; i < vector.length; i += 1) residue += (vector[i] as number) - (vector[i] as number);
  return residue === 0;
}
