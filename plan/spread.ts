/** A repeated measurement: its median, and what it came from, so that a noisy machine is seen. */

export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  readonly count: number;
}

/** Which of its figures a prediction rests on: what is usual, or what the machine can do when nothing disturbs it. */
export type Statistic = "median" | "min";

/** At least one value. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number) => sorted[index] as number;
  if (sorted.length === 0) throw new Error("invariant broken: a spread of nothing");
  return {
    min: at(0),
    median: at((sorted.length - 1) >> 1),
    max: at(sorted.length - 1),
    count: sorted.length,
  };
}
