/**
 * What a run will do, derived once from its spec and data set: which lane owns how many samples, how many
 * steps make an epoch, how many blocks an evaluation. Constant for the run's life.
 */
import { laneRange, stepShare } from "../../dataset/lanes.js";
import { stepsPerEpoch } from "../../dataset/order.js";
import { limits } from "../../shared/limits.js";
import { type RunSpec, samplesPerLane } from "../../shared/spec.js";

export interface RunPlan {
  readonly spec: RunSpec;
  /** Training samples that each lane owns. */
  readonly laneSizes: readonly number[];
  readonly samplesPerLane: number;
  readonly stepsPerEpoch: number;
  readonly trainingSamples: number;
  /** Labels of the validation split in sample order: the coordinator counts, workers only predict. */
  readonly validationLabels: readonly number[];
  readonly blocks: number;
}

export function planRun(
  spec: RunSpec,
  trainingSamples: number,
  validationLabels: readonly number[],
): RunPlan {
  const perLane = samplesPerLane(spec);
  const laneSizes = Array.from({ length: spec.lanes }, (_, lane) => {
    const range = laneRange(lane, spec.lanes, trainingSamples);
    return range.end - range.begin;
  });
  return {
    spec,
    laneSizes,
    samplesPerLane: perLane,
    stepsPerEpoch: stepsPerEpoch(trainingSamples, spec.lanes, perLane),
    trainingSamples,
    validationLabels,
    blocks: Math.ceil(validationLabels.length / limits.evaluationBlock),
  };
}

/** Samples that a lane contributes to a step of the epoch; 0 = the lane is absent. */
export function laneSamples(plan: RunPlan, lane: number, stepInEpoch: number): number {
  return stepShare(plan.laneSizes[lane] ?? 0, plan.samplesPerLane, stepInEpoch);
}

/** The lanes that have samples in a step of the epoch. */
export function presentLanes(plan: RunPlan, stepInEpoch: number): number[] {
  const lanes: number[] = [];
  for (let lane = 0; lane < plan.spec.lanes; lane += 1) {
    if (laneSamples(plan, lane, stepInEpoch) > 0) lanes.push(lane);
  }
  return lanes;
}

/** [begin, end) of a block of the validation split. */
export function blockRange(plan: RunPlan, block: number): { begin: number; end: number } {
  const begin = block * limits.evaluationBlock;
  return { begin, end: Math.min(begin + limits.evaluationBlock, plan.validationLabels.length) };
}
