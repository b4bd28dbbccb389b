/**
 * The mathematics of one lane, in the engine's thread: the gradients of its engine calls are summed in float32, its
 * statistics combined in float64, and both are checked for NaN and infinity before they leave. Where they come from and
 * why these widths: docs/design/mathematics-of-a-lane.md. Lanes that make steps of their own are in local-steps.ts.
 */
import type { Engine, MicroBatch } from "../engine/engine.js";
import { invariant, TrainyardError } from "../shared/errors.js";
import { addInto } from "../shared/kernels/plain.js";
import { combineStatistics, type LaneStatistics, undoBesselCorrection } from "../shared/statistics.js";

export interface LaneOutcome {
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** False when the loss, the statistics or the gradient hold NaN or infinity: then the gradient is not added. */
  readonly finite: boolean;
  /** float32 [parameterCount]: the gradient of the lane's loss sum; with local steps samples * (start - end). */
  readonly gradient: Float32Array;
  /** float64 [statisticsCount], biased variances. */
  readonly statistics: Float64Array;
}

/** The sums over the engine calls of a lane, or of one of its local steps. */
export interface CallSums {
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** float32 [parameterCount]: the gradient of the summed loss, on the engine's weights of the time. */
  readonly gradient: Float32Array;
  /** One per engine call. */
  readonly statistics: readonly LaneStatistics[];
}

/** int32 [1], shared with the thread that waits for the lane: 1 = the lane's step is over, its result is not used. */
export type Over = Int32Array;

/** The flag of a lane that is computed to its end. */
export const never: Over = new Int32Array(1);

/** Computes a run's lanes on an engine. Between two lanes the engine has the weights that were set here. */
export interface Lanes {
  /** Sets the weights: float32 [parameterCount] and float32 [statisticsCount], which the caller may reuse afterwards. */
  setWeights(parameters: Float32Array, statistics: Float32Array): void;
  /** `over`: default never. Errors: the engine's, INTERRUPTED once it is over; the weights stay set even then. */
  compute(batches: readonly MicroBatch[], over?: Over): LaneOutcome;
}

/** The usual lanes: a lane's part of a step is one gradient, of all of its calls on the weights that were set. */
export class GradientLanes implements Lanes {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  setWeights(parameters: Float32Array, statistics: Float32Array): void {
    this.#engine.setWeights(parameters, statistics);
  }

  compute(batches: readonly MicroBatch[], over: Over = never): LaneOutcome {
    return computeLane(this.#engine, batches, over);
  }
}

/** One lane on the weights that the engine has. Errors: the engine's, INTERRUPTED once it is over. */
export function computeLane(engine: Engine, batches: readonly MicroBatch[], over = never): LaneOutcome {
  return outcomeOf(engine, sumCalls(engine, batches, over));
}

/** Makes one engine call per micro-batch and adds the results in order. Holds at most two gradients. Errors: INTERRUPTED. */
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
  invariant(gradient !== undefined, "a lane without samples is not computed");
  return { ...sums, gradient, statistics };
}

/** Combines the statistics of a lane's calls, and checks that all numbers are finite. */
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
