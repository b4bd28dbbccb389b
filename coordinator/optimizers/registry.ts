/** The table of all optimizers by the name in a run's spec, and the calls that pick from it. */
import { z } from "zod";
import type { Kernels } from "../../shared/kernels/kernels.js";
import type { OptimizerSpec } from "../../shared/spec.js";
import { type AdamState, adam } from "./adam/adam.js";
import type { AdamStep } from "./adam/adam-kernel.js";
import type {
  MomentVector,
  Optimizer,
  OptimizerMagnitudes,
  OptimizerVectors,
  StepMagnitudes,
} from "./optimizer.js";
import { type SgdState, sgd } from "./sgd/sgd.js";
import type { SgdStep } from "./sgd/sgd-kernels.js";

/** An optimizer's scalars between two steps, as the core keeps them and checkpoints store them. */
export type OptimizerState = AdamState | SgdState;

/** One step as the core sends it to all reducers. */
export type OptimizerStep = AdamStep | SgdStep;

const optimizers: Record<OptimizerSpec["name"], Optimizer<OptimizerSpec, OptimizerState, OptimizerStep>> = {
  adam,
  sgd,
};

/** The optimizer's state in a checkpoint. One without a name was written when Adam was the only optimizer. */
export const StoredOptimizerState = z.preprocess(
  (stored) =>
    typeof stored === "object" && stored !== null && !("name" in stored)
      ? { name: "adam", ...stored }
      : stored,
  z.union(Object.values(optimizers).map(({ State }) => State)),
);

/** The vectors that the run's optimizer keeps beside the weights, in a fixed order. */
export const momentVectorsOf = (spec: OptimizerSpec): readonly MomentVector[] =>
  optimizers[spec.name].momentVectors(spec);

/** The optimizer's state before the first step. */
export const initialOptimizer = (spec: OptimizerSpec): OptimizerState =>
  optimizers[spec.name].initialState(spec);

/**
 * The next step and the state after it. `learningRate`: of this step, with the schedule's factor; `divisor`: see
 * `gradient-divisor.ts`.
 */
export function nextOptimizerStep(
  spec: OptimizerSpec,
  state: OptimizerState,
  given: { readonly learningRate: number; readonly divisor: number },
): { readonly state: OptimizerState; readonly step: OptimizerStep } {
  if (state.name !== spec.name)
    throw new Error(`invariant broken: a run with ${spec.name} holds the state of ${state.name}`);
  return optimizers[spec.name].nextStep(spec, state, given);
}

/**
 * True when no number of this step's update can leave float32, whatever the elements of vectors with these largest
 * magnitudes. Largest magnitudes of the whole vectors: so the answer does not depend on the number of slices.
 */
export const staysFinite = (step: OptimizerStep, largest: StepMagnitudes): boolean =>
  Number.isFinite(optimizers[step.name].bound(step, largest));

/**
 * Updates a slice's weights and moments in place and returns their new largest magnitudes. `root`: the sum of the
 * step's gradients; it stays.
 */
export const applyOptimizerStep = (
  kernels: Kernels,
  vectors: OptimizerVectors,
  root: Float32Array,
  step: OptimizerStep,
): OptimizerMagnitudes => optimizers[step.name].apply(kernels, vectors, root, step);
