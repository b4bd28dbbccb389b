/**
 * What an optimizer is to the rest of the coordinator. The core calls `initialState` and `nextStep`, which hold all
 * scalar arithmetic; the reducers carry a step out on their slices with `apply`; checkpoints store the state and the
 * moment vectors by their file names. Each optimizer is one folder here and one line in `registry.ts`.
 */
import type { z } from "zod";
import type { Kernels } from "../../shared/kernels/kernels.js";

/** A vector that an optimizer keeps beside the weights: one number for each of the model's parameters, at first 0. */
export interface MomentVector {
  /** The optimizer's own word for it, as in its formula. */
  readonly name: string;
  /** The vector's file in a checkpoint. It is a stored name: it must not change. */
  readonly file: string;
}

/** The weights and the moment vectors, all float32 of one length; `moments` in the order of `momentVectors`. */
export interface OptimizerVectors {
  readonly weights: Float32Array;
  readonly moments: readonly Float32Array[];
}

/** The largest magnitude in the weights and in each moment vector; infinity or NaN where a value is not finite. */
export interface OptimizerMagnitudes {
  readonly weights: number;
  /** In the order of `momentVectors`. */
  readonly moments: readonly number[];
}

/** What a kernel found in the vectors that it changed: the weights first, then the moments. */
export const magnitudesOf = ([weights = 0, ...moments]: readonly number[]): OptimizerMagnitudes => ({
  weights,
  moments,
});

/** The largest magnitudes of everything that an update starts from. `root`: of the sum of the step's gradients. */
export interface StepMagnitudes extends OptimizerMagnitudes {
  readonly root: number;
}

/** What every optimizer remembers between two steps. */
export interface BaseState {
  /** The learning rate before the schedule's factor. Reduce-on-plateau lowers it. */
  readonly learningRate: number;
  /** Number of steps applied. Skipped steps don't count. */
  readonly count: number;
}

/** What every step that goes to the reducers holds. */
export interface BaseStep {
  /** The sum of the step's gradients is divided by this: see `gradient-divisor.ts`. */
  readonly divisor: number;
}

/**
 * One optimizer. Scalars are float64 here and are rounded to float32 once, when a kernel gets them. The members are
 * methods, so that the registry can hold optimizers of different settings in one table; it gives each only its own.
 */
export interface Optimizer<Spec, State extends BaseState, Step extends BaseStep> {
  /** Reads the state as a checkpoint's `state.json` stores it. */
  readonly State: z.ZodType<State>;
  /** The moment vectors that these settings need. */
  momentVectors(spec: Spec): readonly MomentVector[];
  /** The state before the first step. */
  initialState(spec: Spec): State;
  /**
   * The next step and the state after it. `learningRate`: of this step, with the schedule's factor; `divisor`: see
   * `BaseStep`.
   */
  nextStep(
    spec: Spec,
    state: State,
    given: { readonly learningRate: number; readonly divisor: number },
  ): { readonly state: State; readonly step: Step };
  /**
   * An upper bound of the magnitude of every float32 that `apply` computes from vectors with these largest magnitudes,
   * scalars included. Infinity or NaN: the update may leave float32.
   */
  bound(step: Step, largest: StepMagnitudes): number;
  /**
   * Updates weights and moments in place and returns their new largest magnitudes. `root`: the sum of the step's
   * gradients, of the same length; it stays.
   */
  apply(kernels: Kernels, vectors: OptimizerVectors, root: Float32Array, step: Step): OptimizerMagnitudes;
}
