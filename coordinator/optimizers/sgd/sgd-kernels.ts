/** SGD's arithmetic on a slice in plain TypeScript: the specification of `assembly/sgd.ts`, bit for bit. */
import type { UpdateKernel } from "../../../shared/kernels/kernels.js";

const f = Math.fround;

/** SGD's scalars of one step. */
export interface SgdStep {
  readonly name: "sgd";
  /** The step's learning rate, with the schedule's factor. */
  readonly rate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly divisor: number;
}

/** Updates the weights with one step of SGD without momentum; `root` stays. */
export const sgdKernel: UpdateKernel<
  [weights: Float32Array, root: Float32Array],
  [divisor: number, learningRate: number]
> = {
  name: "sgd",
  changed: 1,
  plain([weights, root], [divisor, learningRate]) {
    for (let i = 0; i < weights.length; i += 1) {
      const change = f(f((root[i] as number) / divisor) * learningRate);
      weights[i] = f((weights[i] as number) - change);
    }
  },
};

type MomentumVectors = [weights: Float32Array, velocity: Float32Array, root: Float32Array];
type MomentumScalars = [divisor: number, learningRate: number, momentum: number];

/** Updates weights and velocity with one step of SGD with momentum; `root` stays. */
export const momentumKernel: UpdateKernel<MomentumVectors, MomentumScalars> = {
  name: "sgdMomentum",
  changed: 2,
  plain([weights, velocity, root], [divisor, learningRate, momentum]) {
    for (let i = 0; i < weights.length; i += 1) {
      const change = f(f((root[i] as number) / divisor) * learningRate);
      const next = f(f((velocity[i] as number) * momentum) - change);
      velocity[i] = next;
      weights[i] = f((weights[i] as number) + next);
    }
  },
};

/** Updates weights and velocity with one step of SGD with Nesterov's momentum; `root` stays. */
export const nesterovKernel: UpdateKernel<MomentumVectors, MomentumScalars> = {
  name: "sgdNesterov",
  changed: 2,
  plain([weights, velocity, root], [divisor, learningRate, momentum]) {
    for (let i = 0; i < weights.length; i += 1) {
      const change = f(f((root[i] as number) / divisor) * learningRate);
      const next = f(f((velocity[i] as number) * momentum) - change);
      velocity[i] = next;
      weights[i] = f((weights[i] as number) + f(f(next * momentum) - change));
    }
  },
};
