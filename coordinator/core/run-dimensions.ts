/**
 * What a run will do, derived once from its spec and data set: which lane owns how many samples, how many
 * steps make an epoch, how many blocks an evaluation. Constant for the run's life.
 */
import {
  laneEpochOrder,
  type ShardSizes,
  stepSamples,
  stepShares,
  stepsPerEpoch,
} from "../../dataset/sample-order.js";
import { limits } from "../../shared/limits.js";
import { drawsOf, type RunSpec, samplesPerLane } from "../../shared/spec.js";
import { type Exclusion, excludedOf } from "./exclusion.js";

export interface RunDimensions {
  readonly spec: RunSpec;
  /** The training split: how many samples each shard has decides the order. */
  readonly training: ShardSizes;
  readonly trainingSamples: number;
  readonly samplesPerLane: number;
  readonly stepsPerEpoch: number;
  /** Labels of the validation split in sample order: the coordinator counts, workers only predict. */
  readonly validationLabels: readonly number[];
  readonly blocks: number;
}

export function dimensionsOf(
  spec: RunSpec,
  training: ShardSizes,
  validationLabels: readonly number[],
): RunDimensions {
  const perLane = samplesPerLane(spec);
  return {
    spec,
    training,
    trainingSamples: training.samples,
    samplesPerLane: perLane,
    stepsPerEpoch: stepsPerEpoch(training.samples, spec.lanes, perLane),
    validationLabels,
    blocks: Math.ceil(validationLabels.length / limits.evaluationBlock),
  };
}

/** Samples that each lane contributes to a step; 0 = the lane is absent. */
export function laneSamples(
  dimensions: RunDimensions,
  { epoch, stepInEpoch }: { readonly epoch: number; readonly stepInEpoch: number },
  exclusions: readonly Exclusion[],
): number[] {
  return stepShares({
    lanes: dimensions.spec.lanes,
    samples: dimensions.trainingSamples,
    samplesPerLane: dimensions.samplesPerLane,
    stepInEpoch,
    excluded: new Set(excludedOf(exclusions, "train")),
    orderOf: (lane) => orderOf(dimensions, epoch, lane),
  });
}

function orderOf({ spec, training }: RunDimensions, epoch: number, lane: number): Uint32Array {
  const { seed, lanes, shuffleShards } = spec;
  return laneEpochOrder({
    draws: drawsOf(spec),
    seed,
    epoch,
    lane,
    lanes,
    split: training,
    shuffleShards,
  });
}

/** The numbers of a lane's samples in a step, for people: the excluded ones among them. */
export function samplesOf(
  dimensions: RunDimensions,
  { epoch, stepInEpoch }: { readonly epoch: number; readonly stepInEpoch: number },
  lane: number,
): number[] {
  return [...stepSamples(orderOf(dimensions, epoch, lane), stepInEpoch, dimensions.samplesPerLane)];
}
