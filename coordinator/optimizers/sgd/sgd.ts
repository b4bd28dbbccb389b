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
import { magnitudesOf, type Optimizer } from "../optimizer.js";
import { sgdBound } from "./sgd-bound.js";
import { momentumKernel, nesterovKernel, type SgdStep, sgdKernel } from "./sgd-kernels.js";

const SgdState = z.object({
  name: z.literal("sgd"),
  learningRate: z.number(),
  count: z.number().int().nonnegative(),
});

/** SGD's scalars between two steps. */
export type SgdState = z.infer<typeof SgdState>;

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

  bound: sgdBound,

  apply(kernels, { weights, moments: [velocity] }, root, { rate, momentum, nesterov, divisor }) {
    if (velocity === undefined)
      return magnitudesOf(kernels.update(sgdKernel, [weights, root], [divisor, rate]));
    const kernel = nesterov ? nesterovKernel : momentumKernel;
    return magnitudesOf(kernels.update(kernel, [weights, velocity, root], [divisor, rate, momentum]));
  },
};
