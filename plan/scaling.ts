/** The step for growing numbers of workers: strong scaling (this run) and weak scaling (the batch grows with them). */
import { type Bottleneck, bottleneckOf } from "./bottleneck.js";
import type { Scenario } from "./scenario.js";
import { predictStep, type StepPrediction } from "./step-model.js";

export interface ScalingRow {
  readonly workers: number;
  /** Images of a step. */
  readonly images: number;
  /** Prediction from the medians of the measurements. */
  readonly usual: StepPrediction;
  /** Prediction from the minima: as if nothing else ran on the machine. */
  readonly best: StepPrediction;
  /** What limits the usual step. */
  readonly bottleneck: Bottleneck;
}

/** The same cluster, by either statistic. */
export interface Scenarios {
  readonly usual: Scenario;
  readonly best: Scenario;
}

type Change = (scenario: Scenario) => Scenario;

export function scalingRow({ usual, best }: Scenarios, change: Change = (scenario) => scenario): ScalingRow {
  const changed = change(usual);
  return {
    workers: changed.cluster.workers,
    images: changed.work.images,
    usual: predictStep(changed),
    best: predictStep(change(best)),
    bottleneck: bottleneckOf(changed),
  };
}

const withWorkers = (scenario: Scenario, workers: number): Scenario => ({
  ...scenario,
  cluster: { ...scenario.cluster, workers },
});

/** The run's lanes, divided among more and more workers. */
export const strongScaling = (scenarios: Scenarios, workers: readonly number[]): ScalingRow[] =>
  workers.map((count) => scalingRow(scenarios, (scenario) => withWorkers(scenario, count)));

/** Each worker has as many lanes as the whole run has with one. */
export const weakScaling = (scenarios: Scenarios, workers: readonly number[]): ScalingRow[] =>
  workers.map((count) =>
    scalingRow(scenarios, (scenario) => {
      const { work } = scenario;
      const grown = { ...work, lanes: work.lanes * count, images: work.images * count };
      return withWorkers({ ...scenario, work: grown }, count);
    }),
  );
