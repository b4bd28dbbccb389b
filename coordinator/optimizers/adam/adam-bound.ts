/** How large the numbers of one Adam step can get. */
import type { StepMagnitudes } from "../optimizer.js";
import type { AdamStep } from "./adam-kernel.js";

const f = Math.fround;

/**
 * An upper bound of the magnitude of every float32 in `adam-kernel.ts`: the kernel's own operations on the largest
 * magnitudes R, W, M, V of root, weights, m and v, with signs set against each other and the smallest denominator.
 *
 *     |g| <= R / divisor                            |g - m| <= |g| + M
 *     |m'| <= M + |g - m| (1 - beta1)               |g^2 - v| <= |g|^2 + V
 *     |v'| <= V + |g^2 - v| (1 - beta2)             epsilon <= sqrt(v') + epsilon, because v' >= 0
 *     |update| <= |m'| alpha / epsilon              |w'| <= W + |update|
 *
 * Rounding to nearest is monotone: from |a| <= A and |b| <= B follows |fl(a + b)| <= fl(A + B), and the same for the
 * product, the quotient by one divisor, and the root. So the bound holds for the rounded numbers too, as long as it is
 * rounded after each operation. v' >= 0 holds because v starts at 0, and from v >= 0 follows |fl((g^2 - v)(1 - beta2))|
 * <= v wherever g^2 - v < 0. The scalars count as the kernel gets them, rounded to float32: one that is not finite there
 * makes the bound so, and an epsilon that is 0 there does too.
 */
export function adamBound(step: AdamStep, { root, weights, moments }: StepMagnitudes): number {
  const [m, v] = moments as [number, number];
  const divisor = f(step.divisor);
  const alpha = f(step.alpha);
  const epsilon = f(step.epsilon);
  const g = f(root / divisor);
  const fromM = f(g + m);
  const nextM = f(m + f(fromM * f(1 - step.beta1)));
  const square = f(g * g);
  const fromV = f(square + v);
  const nextV = f(v + f(fromV * f(1 - step.beta2)));
  const numerator = f(nextM * alpha);
  const denominator = f(f(Math.sqrt(nextV)) + epsilon);
  const update = f(numerator / epsilon);
  const sums = [fromM, nextM, square, fromV, nextV, numerator, denominator, update, f(weights + update)];
  return Math.max(root, divisor, alpha, g, ...sums);
}
