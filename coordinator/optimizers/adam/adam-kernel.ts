/** Adam's arithmetic on a slice in plain TypeScript: the specification of `assembly/adam.ts`, bit for bit. */
import type { UpdateKernel } from "../../../shared/kernels/kernels.js";

const f = Math.fround;

/** Adam's scalars of one step. */
export interface AdamStep {
  readonly name: "adam";
  /** The learning rate with both bias corrections. */
  readonly alpha: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly divisor: number;
}

type Vectors = [weights: Float32Array, m: Float32Array, v: Float32Array, root: Float32Array];
type Scalars = [
  divisor: number,
  alpha: number,
  epsilon: number,
  oneMinusBeta1: number,
  oneMinusBeta2: number,
];

/** Updates weights, m and v with one step of Adam; `root` stays. */
export const adamKernel: UpdateKernel<Vectors, Scalars> = {
  name: "adam",
  changed: 3,
  plain([weights, m, v, root], [divisor, alpha, epsilon, oneMinusBeta1, oneMinusBeta2]) {
    for (let i = 0; i < weights.length; i += 1) {
      const g = f((root[i] as number) / divisor);
      const mi = f((m[i] as number) + f(f(g - (m[i] as number)) * oneMinusBeta1));
      const vi = f((v[i] as number) + f(f(f(g * g) - (v[i] as number)) * oneMinusBeta2));
      m[i] = mi;
      v[i] = vi;
      weights[i] = f((weights[i] as number) - f(f(mi * alpha) / f(f(Math.sqrt(vi)) + epsilon)));
    }
  },
};
