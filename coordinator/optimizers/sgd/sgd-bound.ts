/** How large the numbers of one step of SGD can get. */
import type { StepMagnitudes } from "../optimizer.js";
import type { SgdStep } from "./sgd-kernels.js";

const f = Math.fround;

/**
 * An upper bound of the magnitude of every float32 in `sgd-kernels.ts`: the kernels' own operations on the largest
 * magnitudes R, W and V of root, weights and velocity, with signs set against each other.
 *
 *     |change| <= R / divisor * rate
 *     plain      |w'| <= W + |change|
 *     momentum   |v'| <= V momentum + |change|      |w'| <= W + |v'|
 *     Nesterov   |v'| as above                      |w'| <= W + (|v'| momentum + |change|)
 *
 * Rounding to nearest is monotone: from |a| <= A and |b| <= B follows |fl(a + b)| <= fl(A + B), and the same for the
 * product and the quotient by one divisor. So the bound holds for the rounded numbers too, as long as it is rounded after
 * each operation. The scalars count as the kernels get them, rounded to float32.
 */
export function sgdBound(step: SgdStep, { root, weights, moments: [velocity] }: StepMagnitudes): number {
  const divisor = f(step.divisor);
  const rate = f(step.rate);
  const momentum = f(step.momentum);
  const mean = f(root / divisor);
  const change = f(mean * rate);
  const given = Math.max(root, divisor, rate, mean, change);
  if (velocity === undefined) return Math.max(given, f(weights + change));
  const next = f(f(velocity * momentum) + change);
  const ahead = step.nesterov ? f(f(next * momentum) + change) : next;
  return Math.max(given, next, ahead, f(weights + ahead));
}
