/**
 * The mathematics of one lane (DESIGN 5.5), in the engine's thread: its engine calls' gradients are summed in float32,
 * its statistics combined in float64, and everything is looked at for NaN and infinity before it leaves. With local
 * steps (local-steps.ts) what leaves is how far the lane's own weights went, in place of the gradient.
 */
import type { Engine, MicroBatch } from "../engine/engine.js";
import { TrainyardError } from "../shared/errors.js";
import { addInto } from "../shared/kernels/plain.js";
import { combineStatistics, type LaneStatistics, undoBesselCorrection } from "../shared/statistics.js";

export interface LaneOutcome {
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** False: the gradient must not be added to anything. */
  readonly finite: boolean;
  /** float32 [parameterCount]: of the loss sum; with local steps samples * (start - end). */
  readonly gradient: Float32Array;
  /** float64 [statisticsCount], biased variances. */
  readonly statistics: Float64Array;
}

/** What the calls of a lane, or of one local step of it, add up to. */
export interface CallSums {
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** float32 [parameterCount]: of the summed loss, on the engine's weights of the time. */
  readonly gradient: Float32Array;
  /** One a call. */
  readonly statistics: readonly LaneStatistics[];
}

/** int32 [1], shared with whoever waits for the lane: 1 = nobody does any more. */
export type Over = Int32Array;

/** Waited for to its end. */
export const never: Over = new Int32Array(1);

/**
 * A lane whose part of a step is one gradient: of all of its calls, on the weights that the engine has. Errors:
 * INTERRUPTED when it is over.
 */
export function computeLane(engine: Engine, batches: readonly MicroBatch[], over = never): LaneOutcome {
  return outcomeOf(engine, sumCalls(engine, batches, over));
}

/** One call after another, added in order; never more than two gradients at a time. Errors: INTERRUPTED. */
export function sumCalls(engine: Engine, batches: readonly MicroBatch[], over: Over): CallSums {
  let gradient: Float32Array | undefined;
  const statistics: LaneStatistics[] = [];
  const sums = { lossSum: 0, correct: 0, samples: 0 };
  for (const batch of batches) {
    if (Atomics.load(over, 0) === 1) throw new TrainyardError("INTERRUPTED", "the lane's step is over");
    const result = engine.gradients(batch);
    if (gradient === undefined) gradient = result.gradient;
    else addInto(gradient, result.gradient);
    const { samples } = result;
    statistics.push({ samples, values: undoBesselCorrection(engine.layout, result.statistics, samples) });
    sums.lossSum += result.lossSum;
    sums.correct += result.correct;
    sums.samples += samples;
  }
  if (gradient === undefined) throw new Error("invariant broken: a lane without samples was computed");
  return { ...sums, gradient, statistics };
}

export function outcomeOf({ layout }: Engine, { statistics, ...sums }: CallSums): LaneOutcome {
  const combined = combineStatistics(layout, statistics);
  const finite = Number.isFinite(sums.lossSum) && isFiniteVector(combined) && isFiniteVector(sums.gradient);
  return { ...sums, finite, statistics: combined };
}

/** x - x is 0 for every finite x and NaN for the rest; one pass, no branch. */
function isFiniteVector(vector: Float32Array | Float64Array): boolean {
  let residue = 0;
  for (let i = 0; i < vector.length; i += 1) residue += (vector[i] as number) - (vector[i] as number);
  return residue === 0;
}
