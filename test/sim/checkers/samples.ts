/**
 * Every sample exactly once per epoch: what went into the optimizer in each step is what dataset/order says of the
 * step, whichever worker computed it and however often. Read from the optimizer's first moment before and after the update.
 */

import type { OptimizerVectors } from "../../../coordinator/optimizers/optimizer.js";
import type { OptimizerStep } from "../../../coordinator/optimizers/registry.js";
import { laneEpochOrder, microBatches, stepSamples, stepsPerEpoch } from "../../../dataset/sample-order.js";
import { drawsOf, type RunSpec, samplesPerLane } from "../../../shared/spec.js";
import type { SliceUpdate } from "../reducer-threads.js";
import type { Simulation } from "../simulation.js";
import type { Checker } from "./checker.js";

export function samplesChecker(): Checker {
  let checked = 0;
  return {
    look(simulation) {
      for (; checked < simulation.updates.length; checked += 1) {
        const update = simulation.updates[checked] as SliceUpdate;
        const wrong = update.update === null ? null : wrongSample(simulation, update);
        if (wrong !== null) return wrong;
      }
      return null;
    },
  };
}

function wrongSample(simulation: Simulation, update: SliceUpdate): string | null {
  const { step, generation, begin, before, after, update: taken } = update;
  if (taken === null) return null;
  const { training } = simulation.setup.dataset;
  const expected = samplesOf(simulation, step);
  for (let i = 0; i < before.weights.length && begin + i < training; i += 1) {
    const times = gradientOf(taken, before, after, i) * taken.divisor;
    const once = expected.get(begin + i);
    const wanted = once === undefined ? 0 : 1;
    if (!(Math.abs(times / (once ?? 1) - wanted) < 1e-2)) {
      const found = (times / (once ?? 1)).toFixed(3);
      return `sample ${begin + i} went ${found} times into step ${step} of generation ${generation}, instead of ${wanted}`;
    }
  }
  return expected.size === taken.divisor
    ? null
    : `step ${step} was divided by ${taken.divisor} instead of ${expected.size} samples`;
}

/** The mean gradient of one parameter, from what the update made of the first moment (without any: of the weights). */
function gradientOf(
  taken: OptimizerStep,
  before: OptimizerVectors,
  after: OptimizerVectors,
  at: number,
): number {
  const [was, is] = [before, after].map(({ weights, moments }) => (moments[0] ?? weights)[at] as number) as [
    number,
    number,
  ];
  switch (taken.name) {
    case "adam":
      return (is - was) / Math.fround(1 - taken.beta1) + was;
    case "sgd":
      return ((before.moments.length === 0 ? 1 : taken.momentum) * was - is) / taken.rate;
  }
}

/** The samples of all lanes in a step, and what each adds to its parameter. */
function samplesOf({ spec, manifest }: Simulation, step: number): Map<number, number> {
  const split = manifest.splits.train;
  const perLane = samplesPerLane(spec);
  const steps = stepsPerEpoch(split.samples, spec.lanes, perLane);
  const samples = new Map<number, number>();
  for (let lane = 0; lane < spec.lanes; lane += 1) {
    const order = laneEpochOrder({
      ...spec,
      draws: drawsOf(spec),
      epoch: Math.floor(step / steps),
      lane,
      split,
    });
    const ofLane = stepSamples(order, step % steps, perLane);
    for (const gradient of microBatches(ofLane, spec.batchSize / spec.lanes)) {
      const once = contribution(spec, ofLane.length, gradient.length);
      for (const sample of gradient) samples.set(sample, once);
    }
  }
  return samples;
}

/** A gradient of 1; with local steps the lane's samples times the way of one: the rate, shared by the local step's. */
const contribution = ({ localSteps }: RunSpec, ofLane: number, ofGradient: number): number =>
  localSteps === null ? 1 : (ofLane * localSteps.learningRate) / ofGradient;
