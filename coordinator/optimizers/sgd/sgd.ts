/**
 * Stochastic gradient descent in the form of Keras 3 (`keras/src/optimizers/sgd.py`): with the mean gradient g,
 *
 *     plain     weights -= learningRate * g
 *     momentum  velocity = momentum * velocity - learningRate * g;  weights += velocity
 *     Nesterov  velocity as above;  weights += momentum * velocity - learningRate * g
 *
 * Without momentum there is no velocity, and Nesterov's form is the plain one.
 */
import { z } from "zod";
import type { SgdSpec } from "../../../shared/spec.js";
import type { Optimizer } from "../optimizer.js";
import { momentumKernel, nesterovKernel, sgdKernel } from "./sgd-kernels.js";

const SgdState = z.object({
  name: z.literal("sgd"),
  learningRate: z.number(),
  count: z.number().int().nonnegative(),
});

/** SGD's scalars between two steps. */
export type SgdState = z.infer<typeof SgdState>;

/** SGD's scalars of one step. */
export interface SgdStep {
  readonly name: "sgd";
  /** The step's learning rate, with the schedule's factor. */
  readonly rate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly divisor: number;
}

const velocity = { name: "velocity", file: "sgd-velocity.safetensors" } as const;

/** SGD as Keras 3 computes it. */
export const sgd: Optimizer<SgdSpec, SgdState, SgdStep> = {
  State: SgdState,

  momentVectors: ({ momentum }) => (momentum === 0 ? [] : [velocity]),

  initialState: ({ learningRate }) => ({ name: "sgd", learningRate, count: 0 }),

  nextStep: ({ momentum, nesterov }, state, { learningRate, divisor }) => ({
    state: { ...state, count: state.count + 1 },
    step: { name: "sgd", rate: learningRate, momentum, nesterov, divisor },
  }),

  apply(kernels, { weights, moments: [velocity] }, root, { rate, momentum, nesterov, divisor }) {
    if (velocity === undefined) return kernels.update(sgdKernel, [weights, root], [divisor, rate]);
    const kernel = nesterov ? nesterovKernel : momentumKernel;
    kernels.update(kernel, [weights, velocity, root], [divisor, rate, momentum]);
  },
};
