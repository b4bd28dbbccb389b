/**
 * Adam (Kingma & Ba 2015) in the form of Keras 3 (`keras/src/optimizers/adam.py`): with the mean gradient g of step t,
 *
 *     m += (g - m) * (1 - beta1)
 *     v += (g^2 - v) * (1 - beta2)
 *     weights -= m * alpha / (sqrt(v) + epsilon)
 *     alpha = learningRate * sqrt(1 - beta2^t) / (1 - beta1^t)
 *
 * The bias corrections lie in alpha, so epsilon is added outside the corrected root. The powers of the betas are running
 * products: the bits of Math.pow differ between versions of Node.
 */
import { z } from "zod";
import type { AdamSpec } from "../../../shared/spec.js";
import { magnitudesOf, type Optimizer } from "../optimizer.js";
import { adamBound } from "./adam-bound.js";
import { type AdamStep, adamKernel } from "./adam-kernel.js";

const AdamState = z.object({
  name: z.literal("adam"),
  learningRate: z.number(),
  count: z.number().int().nonnegative(),
  /** beta1^count and beta2^count. */
  beta1Power: z.number(),
  beta2Power: z.number(),
});

/** Adam's scalars between two steps. */
export type AdamState = z.infer<typeof AdamState>;

const moments = [
  { name: "m", file: "adam-m.safetensors" },
  { name: "v", file: "adam-v.safetensors" },
] as const;

/** Adam as Keras 3 computes it. */
export const adam: Optimizer<AdamSpec, AdamState, AdamStep> = {
  State: AdamState,

  momentVectors: () => moments,

  initialState: ({ learningRate }) => ({
    name: "adam",
    learningRate,
    count: 0,
    beta1Power: 1,
    beta2Power: 1,
  }),

  nextStep({ beta1, beta2, epsilon }, state, { learningRate, divisor }) {
    const beta1Power = state.beta1Power * beta1;
    const beta2Power = state.beta2Power * beta2;
    const alpha = (learningRate * Math.sqrt(1 - beta2Power)) / (1 - beta1Power);
    return {
      state: { ...state, count: state.count + 1, beta1Power, beta2Power },
      step: { name: "adam", alpha, beta1, beta2, epsilon, divisor },
    };
  },

  bound: adamBound,

  apply(kernels, { weights, moments }, root, { divisor, alpha, epsilon, beta1, beta2 }) {
    const [m, v] = moments as [Float32Array, Float32Array];
    const scalars = [divisor, alpha, epsilon, 1 - beta1, 1 - beta2] as const;
    return magnitudesOf(kernels.update(adamKernel, [weights, m, v, root], [...scalars]));
  },
};
