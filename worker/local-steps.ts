/**
 * Local SGD (Stich, "Local SGD Converges Fast and Communicates Little", 2018), lane by lane: from the step's weights a
 * lane makes steps of its own, and returns how far it went. The coordinator's optimizer takes the lanes' mean for a
 * gradient (FedOpt's pseudo-gradient: Reddi et al., "Adaptive Federated Optimization", 2020; DiLoCo, 2023). Replicas are
 * lanes, not workers, and no replica outlives its step, so the result is the same for any number of workers.
 */
import type { Engine, MicroBatch } from "../engine/engine.js";
import { invariant } from "../shared/errors.js";
import { inGroups } from "../shared/groups.js";
import type { LaneStatistics } from "../shared/statistics.js";
import {
  type CallSums,
  type LaneOutcome,
  type Lanes,
  never,
  type Over,
  outcomeOf,
  sumCalls,
} from "./lane.js";

interface Weights {
  /** float32 [parameterCount]. */
  readonly parameters: Float32Array;
  /** float32 [statisticsCount]. Training does not look at them, but an engine is set both together. */
  readonly statistics: Float32Array;
}

export interface LocalStepOptions {
  /** Engine calls per local step. */
  readonly accumulation: number;
  readonly learningRate: number;
}

/** Lanes that make local steps. They keep one copy of the step's weights, to start each lane from. */
export class LocalStepLanes implements Lanes {
  readonly #engine: Engine;
  readonly #options: LocalStepOptions;
  #start: Weights | undefined;

  constructor(engine: Engine, options: LocalStepOptions) {
    this.#engine = engine;
    this.#options = options;
  }

  setWeights(parameters: Float32Array, statistics: Float32Array): void {
    this.#engine.setWeights(parameters, statistics);
    this.#start ??= {
      parameters: new Float32Array(parameters.length),
      statistics: new Float32Array(statistics.length),
    };
    this.#start.parameters.set(parameters);
    this.#start.statistics.set(statistics);
  }

  compute(batches: readonly MicroBatch[], over: Over = never): LaneOutcome {
    invariant(this.#start !== undefined, "weights are set before a lane is computed");
    const { accumulation, learningRate } = this.#options;
    const steps = inGroups(batches, accumulation);
    return computeLocalSteps(this.#engine, this.#start, { steps, over, learningRate });
  }
}

interface LocalDescent {
  /** The engine calls of each local step. */
  readonly steps: readonly (readonly MicroBatch[])[];
  readonly learningRate: number;
  readonly over: Over;
}

/**
 * w_0 = the step's weights; w_h = w_(h-1) - fround(learningRate / n_h) * g_h in float32, g_h = the summed gradient of
 * local step h at w_(h-1), n_h = its samples: plain SGD on their mean. Returned in place of the gradient:
 * n * (w_0 - w_H), n = the lane's samples, so that the root of the tree divided by all samples is the lanes' mean,
 * weighed by their samples (McMahan et al., "Federated Averaging", 2017). An epoch's last step may have fewer local steps.
 * Loss, correct count and statistics are those of the calls, each at its own weights. A value that is not finite
 * anywhere stays in the weights and makes the lane not finite. Errors: the engine's, INTERRUPTED.
 */
function computeLocalSteps(
  engine: Engine,
  start: Weights,
  { steps, learningRate, over }: LocalDescent,
): LaneOutcome {
  invariant(steps.length > 0, "a lane without samples is not computed");
  const own = start.parameters.slice();
  const done: Counts[] = [];
  try {
    for (const [index, batches] of steps.entries()) {
      if (index > 0) engine.setWeights(own, start.statistics);
      const { gradient, ...counts } = sumCalls(engine, batches, over);
      descend(own, gradient, learningRate / counts.samples);
      done.push(counts);
    }
  } finally {
    if (steps.length > 1) engine.setWeights(start.parameters, start.statistics);
  }
  const counts = join(done);
  return outcomeOf(engine, { ...counts, gradient: distance(start.parameters, own, counts.samples) });
}

/** Computes weights -= rate * gradient; each product and each difference rounded to float32. */
function descend(weights: Float32Array, gradient: Float32Array, rate: number): void {
  const factor = Math.fround(rate);
  for (let i = 0; i < weights.length; i += 1) {
    weights[i] = (weights[i] as number) - Math.fround(factor * (gradient[i] as number));
  }
}

/** Computes samples * (start - end), difference and product each rounded to float32, in the memory of `end`. */
function distance(start: Float32Array, end: Float32Array, samples: number): Float32Array {
  for (let i = 0; i < end.length; i += 1) {
    end[i] = samples * Math.fround((start[i] as number) - (end[i] as number));
  }
  return end;
}

type Counts = Omit<CallSums, "gradient">;

function join(steps: readonly Counts[]): Counts {
  const sums = { lossSum: 0, correct: 0, samples: 0 };
  const statistics: LaneStatistics[] = [];
  for (const step of steps) {
    sums.lossSum += step.lossSum;
    sums.correct += step.correct;
    sums.samples += step.samples;
    statistics.push(...step.statistics);
  }
  return { ...sums, statistics };
}
