/** The learning rate of each step: what the optimizer has, times the schedule's factor for the step. */
import type { RunDimensions } from "./run-dimensions.js";
import type { Progress } from "./state.js";

/** Cosine: half a period from 1 to 0 over the run's steps (Loshchilov & Hutter 2017, without restarts). */
export function learningRateOf(
  { spec, stepsPerEpoch }: RunDimensions,
  progress: Progress,
  step: number,
): number {
  const { learningRate } = progress.optimizer;
  if (spec.optimizer.schedule === "constant") return learningRate;
  return learningRate * 0.5 * (1 + Math.cos((Math.PI * step) / (stepsPerEpoch * spec.epochs)));
}
