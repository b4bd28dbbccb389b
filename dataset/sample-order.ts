/**
 * The order in which a lane visits its samples in one epoch, and the samples of each of its steps.
 * Depends on (seed, epoch, lane, lanes, shard boundaries, shuffleShards) and on nothing else: not on which worker
 * computes the lane, nor on what was read before. The samples themselves are read elsewhere.
 */
import { limits } from "../shared/limits.js";
import { Purpose, RandomStream } from "../shared/random.js";
import { laneOf, laneRange, type SampleRange, stepShare } from "./lane-samples.js";
import type { SplitEntry } from "./manifest.js";

export interface LaneEpoch {
  /** The run's seed, unsigned 32 bit. */
  readonly seed: number;
  /** 0-based. */
  readonly epoch: number;
  /** 0-based. */
  readonly lane: number;
  readonly lanes: number;
  readonly split: ShardSizes;
  /** Pieces whose samples are shuffled together: bounds how many shards are open at a time. */
  readonly shuffleShards: number;
}

/** What the order needs of a split: how many samples each shard has. A SplitEntry is one. */
export type ShardSizes = {
  readonly samples: SplitEntry["samples"];
  readonly shards: readonly { readonly samples: { readonly length: number } }[];
};

/**
 * Sample indices of the lane in the order of the epoch (uint32, each of the lane's samples exactly once): the
 * lane's shard pieces permuted, then the samples within each group of `shuffleShards` pieces.
 */
export function laneEpochOrder(options: LaneEpoch): Uint32Array {
  const { seed, epoch, lane, lanes, split, shuffleShards } = options;
  const range = laneRange(lane, lanes, split.samples);
  const pieces = shardPieces(split, range);
  new RandomStream(seed, Purpose.shardOrder, epoch, lane).shuffle(pieces);
  const order = new Uint32Array(range.end - range.begin);
  const random = new RandomStream(seed, Purpose.sampleOrder, epoch, lane);
  let filled = 0;
  for (let first = 0; first < pieces.length; first += shuffleShards) {
    const begin = filled;
    for (const piece of pieces.slice(first, first + shuffleShards)) filled = append(order, filled, piece);
    random.shuffle(order.subarray(begin, filled));
  }
  return order;
}

/** The parts of each shard that lie in the range, in manifest order, without empty ones. */
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

/** Steps of one epoch: those of the longest lane, which has ceil(samples / lanes) samples. */
export function stepsPerEpoch(samples: number, lanes: number, samplesPerLane: number): number {
  return Math.ceil(Math.ceil(samples / lanes) / samplesPerLane);
}

/**
 * The samples of a lane's step (a view of `order`): `samplesPerLane` of them, fewer in the epoch's last step,
 * none when a shorter lane has already finished.
 */
export function stepSamples(order: Uint32Array, stepInEpoch: number, samplesPerLane: number): Uint32Array {
  return order.subarray(stepInEpoch * samplesPerLane, (stepInEpoch + 1) * samplesPerLane);
}

/**
 * The samples of a lane's step that are left: its share without the excluded ones, in order. An exclusion moves no
 * sample from one step to another. Without exclusions a view of `order`.
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

/** A step of the epoch as every lane sees it. */
export interface StepOfLanes {
  readonly lanes: number;
  /** Of the training split. */
  readonly samples: number;
  readonly samplesPerLane: number;
  readonly stepInEpoch: number;
  readonly excluded: ReadonlySet<number>;
  /** The lane's order of this epoch (laneEpochOrder); asked for only where a lane owns an excluded sample. */
  readonly orderOf: (lane: number) => Uint32Array;
}

/**
 * Samples that each lane contributes to the step, by lane; 0 = the lane is absent. Coordinator and workers must agree
 * on it: whom a step waits for, and whose partial passes through the tree alone.
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
 * The samples of a block of the evaluation, in order, without the excluded ones; may be empty. `samples`: of the split.
 * Coordinator and workers must agree on it: predictions come without the samples' numbers.
 */
export function evaluationBlock(block: number, samples: number, excluded: ReadonlySet<number>): Uint32Array {
  const begin = block * limits.evaluationBlock;
  const end = Math.min(begin + limits.evaluationBlock, samples);
  const all = Uint32Array.from({ length: end - begin }, (_, index) => begin + index);
  return excluded.size === 0 ? all : all.filter((sample) => !excluded.has(sample));
}

/** A step's samples as the micro-batches of gradient accumulation (views; the last may be smaller; none if empty). */
export function microBatches(samples: Uint32Array, microBatchSize: number): Uint32Array[] {
  const batches: Uint32Array[] = [];
  for (let begin = 0; begin < samples.length; begin += microBatchSize) {
    batches.push(samples.subarray(begin, begin + microBatchSize));
  }
  return batches;
}
