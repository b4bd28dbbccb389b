/**
 * The scalar half of Adam: learning rate, count and beta products. The vector half is the reducers'
 * (coordinator/reducers/adam). Products run instead of Math.pow, whose bits differ between Nodes.
 */
import type { OptimizerSpec } from "../../shared/spec.js";

export interface OptimizerState {
  /** Before the schedule's factor; lowered by reduce-on-plateau. */
  readonly learningRate: number;
  /** Steps applied (skipped ones don't count). */
  readonly count: number;
  /** beta1^count and beta2^count. */
  readonly beta1Power: number;
  readonly beta2Power: number;
}

/** What every slice needs to apply one step; float64 here, rounded to float32 once by the reducers. */
export interface AdamStep {
  /** learningRate * sqrt(1 - beta2^t) / (1 - beta1^t): Keras' form, epsilon outside the corrected root. */
  readonly alpha: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The root of the tree is divided by this: see `divisorOf`. */
  readonly divisor: number;
}

export const initialOptimizer = (spec: OptimizerSpec): OptimizerState => ({
  learningRate: spec.learningRate,
  count: 0,
  beta1Power: 1,
  beta2Power: 1,
});

/**
 * The step's samples, so that the sum becomes the mean; with clipNorm as much more as the mean's Euclidean norm exceeds
 * it: mean * min(1, clipNorm / norm) is Keras' `global_clipnorm`. The norm is of the whole vector, so the number of
 * slices changes nothing.
 */
export function divisorOf({ clipNorm }: OptimizerSpec, samples: number, gradientNorm: number): number {
  return clipNorm === null ? samples : samples * Math.max(1, gradientNorm / clipNorm);
}

/** `learningRate`: of this step, the schedule's factor included. */
export function nextAdamStep(
  spec: OptimizerSpec,
  state: OptimizerState,
  learningRate: number,
  divisor: number,
): { state: OptimizerState; step: AdamStep } {
  const beta1Power = state.beta1Power * spec.beta1;
  const beta2Power = state.beta2Power * spec.beta2;
  const alpha = (learningRate * Math.sqrt(1 - beta2Power)) / (1 - beta1Power);
  return {
    state: { ...state, count: state.count + 1, beta1Power, beta2Power },
    step: { alpha, beta1: spec.beta1, beta2: spec.beta2, epsilon: spec.epsilon, divisor },
  };
}
