/** Optimizers of tests: settings of each kind, and single steps. */
import {
  initialOptimizer,
  nextOptimizerStep,
  type OptimizerStep,
} from "../../coordinator/optimizers/registry.js";
import type { AdamSpec, OptimizerSpec, SgdSpec } from "../../shared/spec.js";

/** Adam with Keras' defaults. */
export const adamSpec: AdamSpec = {
  name: "adam",
  learningRate: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
  schedule: "constant",
  clipNorm: null,
};

/** SGD without momentum. */
export const sgdSpec: SgdSpec = {
  name: "sgd",
  learningRate: 0.01,
  momentum: 0,
  nesterov: false,
  schedule: "constant",
  clipNorm: null,
};

/** Every form of update that there is. */
export const optimizerSpecs: readonly OptimizerSpec[] = [
  adamSpec,
  sgdSpec,
  { ...sgdSpec, momentum: 0.9 },
  { ...sgdSpec, momentum: 0.9, nesterov: true },
];

/** The first step of a run with these settings. */
export const firstStep = (spec: OptimizerSpec, divisor: number): OptimizerStep =>
  nextOptimizerStep(spec, initialOptimizer(spec), { learningRate: spec.learningRate, divisor }).step;
