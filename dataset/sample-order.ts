/**
 * The order of samples: in which order a lane visits its samples in an epoch, and which of them belong to each step. The
 * order is a function of (draws, seed, epoch, lane, number of lanes, shard sizes, shuffleShards) alone. It does not depend on
 * the worker that computes the lane, nor on what was read before. Read more in docs/design/order-and-seeds.md.
 */
import { limits } from "../shared/limits.js";
import { type Draws, drawStream, Purpose } from "../shared/random.js";
import { laneOf, laneRange, type SampleRange, stepShare } from "./lane-samples.js";
import type { SplitEntry } from "./manifest.js";

/** Everything that decides the order of a lane's samples in one epoch. */
export interface LaneEpoch {
  /** The draws of the run's format (drawsOf in shared/spec.ts). */
  readonly draws: Draws;
  /** The run's seed, unsigned 32 bit. */
  readonly seed: number;
  readonly epoch: number;
  readonly lane: number;
  readonly lanes: number;
  readonly split: ShardSizes;
  /** Number of shard pieces whose samples are shuffled together. It bounds how many shards are open at a time. */
  readonly shuffleShards: number;
}

/** The number of samples in each shard of a split. A SplitEntry of the manifest has this form. */
export type ShardSizes = {
  readonly samples: SplitEntry["samples"];
  readonly shards: readonly { readonly samples: { readonly length: number } }[];
};

/**
 * The lane's sample indices in the order of the epoch (uint32, each of the lane's samples exactly once). The pieces of
 * shards that the lane owns are shuffled, then the samples within each group of `shuffleShards` pieces.
 */
export function laneEpochOrder(options: LaneEpoch): Uint32Array {
  const { draws, seed, epoch, lane, lanes, split, shuffleShards } = options;
  const range = laneRange(lane, lanes, split.samples);
  const pieces = shardPieces(split, range);
  drawStream(draws, seed, Purpose.shardOrder, epoch, lane).shuffle(pieces);
  const order = new Uint32Array(range.end - range.begin);
  const random = drawStream(draws, seed, Purpose.sampleOrder, epoch, lane);
  let filled = 0;
  for (let first = 0; first < pieces.length; first += shuffleShards) {
    const begin = filled;
    for (const piece of pieces.slice(first, first + shuffleShards)) filled = append(order, filled, piece);
    random.shuffle(order.subarray(begin, filled));
  }
  return order;
}

/** The non-empty parts of shards that lie in the range, in manifest order. */
function shardPieces(split: ShardSizes, range: SampleRange): SampleRange[] {
  const pieces: SampleRange[] = [];
  let first = 0;
  for (const shard of split.shards) {
    const begin = Math.max(first, range.begin);
    const end = Math.min(first + shard.samples.length, range.end);
    if (begin < end) pieces.push({ begin, end });
    first += shard.samples.length;
  }
  return pieces;
}

function append(order: Uint32Array, filled: number, piece: SampleRange): number {
  let at = filled;
  for (let sample = piece.begin; sample < piece.end; sample += 1) order[at++] = sample;
  return at;
}

/** The number of steps in an epoch: as many as the longest lane needs, which has ceil(samples / lanes) samples. */
export function stepsPerEpoch(samples: number, lanes: number, samplesPerLane: number): number {
  return Math.ceil(Math.ceil(samples / lanes) / samplesPerLane);
}

/**
 * The samples of a lane in one step, as a view of `order`: `samplesPerLane` of them, fewer in the epoch's last step, and
 * none when a shorter lane has already visited all its samples.
 */
export function stepSamples(order: Uint32Array, stepInEpoch: number, samplesPerLane: number): Uint32Array {
  return order.subarray(stepInEpoch * samplesPerLane, (stepInEpoch + 1) * samplesPerLane);
}

/**
 * The samples of a lane in one step without the excluded samples, in order. An exclusion moves no sample from one step to
 * another. Without exclusions the result is a view of `order`.
 */
export function stepSamplesWithout(
  order: Uint32Array,
  stepInEpoch: number,
  samplesPerLane: number,
  excluded: ReadonlySet<number>,
): Uint32Array {
  const share = stepSamples(order, stepInEpoch, samplesPerLane);
  return excluded.size === 0 ? share : share.filter((sample) => !excluded.has(sample));
}

/** Everything that decides how many samples each lane contributes to a step. */
export interface StepOfLanes {
  readonly lanes: number;
  /** Number of samples in the training split. */
  readonly samples: number;
  readonly samplesPerLane: number;
  readonly stepInEpoch: number;
  readonly excluded: ReadonlySet<number>;
  /** Returns a lane's order of this epoch (laneEpochOrder). Called only for lanes that own an excluded sample. */
  readonly orderOf: (lane: number) => Uint32Array;
}

/**
 * The number of samples that each lane contributes to the step; 0 means that the lane is absent. Coordinator and workers
 * must compute the same numbers: they decide for which lanes a step waits, and which partials pass a node of the tree
 * alone.
 */
export function stepShares(step: StepOfLanes): number[] {
  const { lanes, samples, samplesPerLane, stepInEpoch, excluded, orderOf } = step;
  const touched = new Set([...excluded].map((sample) => laneOf(sample, lanes, samples)));
  return Array.from({ length: lanes }, (_, lane) => {
    const { begin, end } = laneRange(lane, lanes, samples);
    const share = stepShare(end - begin, samplesPerLane, stepInEpoch);
    if (share === 0 || !touched.has(lane)) return share;
    return stepSamplesWithout(orderOf(lane), stepInEpoch, samplesPerLane, excluded).length;
  });
}

/**
 * The samples of one evaluation block, in order, without the excluded samples; may be empty. Coordinator and workers must
 * compute the same list, because predictions are sent without the samples' numbers.
 * @param samples number of samples in the split.
 */
export function evaluationBlock(block: number, samples: number, excluded: ReadonlySet<number>): Uint32Array {
  const begin = block * limits.evaluationBlock;
  const end = Math.min(begin + limits.evaluationBlock, samples);
  const all = Uint32Array.from({ length: end - begin }, (_, index) => begin + index);
  return excluded.size === 0 ? all : all.filter((sample) => !excluded.has(sample));
}

/** Cuts a lane's samples of a step into the micro-batches of gradient accumulation, as views; the last may be smaller. */
export function microBatches(samples: Uint32Array, microBatchSize: number): Uint32Array[] {
  const batches: Uint32Array[] = [];
  for (let begin = 0; begin < samples.length; begin += microBatchSize) {
    batches.push(samples.subarray(begin, begin + microBatchSize));
  }
  return batches;
}
