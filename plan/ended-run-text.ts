/** Measured beside predicted, as rows of a run's summary. */
import type { LookingBack } from "./ended-run.js";

const percent = (share: number) => `${Math.round(share * 100)} %`;
const ms = (seconds: number) => `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)}`;

export function lookingBackRows({ timing, predicted, efficiency }: LookingBack): string[][] {
  const { steps, stepSeconds: step, computeSeconds: compute, commitSeconds: commit } = timing;
  const exchange = step.median - compute.median - commit.median;
  const { parts } = predicted;
  const foreseen = parts.weights + parts.upload + parts.images;
  return [
    [
      "step",
      `${ms(step.median)} ms measured (median of ${steps}, ${ms(step.min)} to ${ms(step.max)}): compute ${ms(compute.median)}, exchange ${ms(exchange)}, update ${ms(commit.median)}; efficiency ${percent(efficiency)}`,
    ],
    [
      "",
      `${ms(predicted.seconds)} ms predicted on a network without limits: compute ${ms(parts.compute)}, exchange ${ms(foreseen)}, update ${ms(parts.update)}; efficiency ${percent(predicted.efficiency)}`,
    ],
  ];
}
