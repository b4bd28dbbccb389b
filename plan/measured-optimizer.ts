/** The optimizer whose update `trainyard plan` measures: the default one, with any settings of usual size. */
import { initialOptimizer, momentVectorsOf, nextOptimizerStep } from "../coordinator/optimizers/registry.js";
import type { OptimizerSpec } from "../shared/spec.js";

const optimizer: OptimizerSpec = {
  name: "adam",
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
  schedule: "constant",
  clipNorm: null,
};

/** How many vectors the measured optimizer keeps beside the weights. */
export const measuredMomentVectors = momentVectorsOf(optimizer).length;

/** A first step of the measured optimizer. `divisor`: what the sum of the gradients is divided by. */
export const measuredStep = (divisor: number) =>
  nextOptimizerStep(optimizer, initialOptimizer(optimizer), { learningRate: optimizer.learningRate, divisor })
    .step;
