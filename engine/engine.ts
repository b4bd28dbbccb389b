/**
 * The engine's interface: a model's parameters as flat vectors, and calls that block their thread. An Engine belongs to
 * one thread (worker/engine-thread.ts runs it) and one model, and owns every tensor. TensorFlow implements it.
 */
import type { ModelLayout } from "../shared/layout.js";
import type { Draws } from "../shared/random.js";
import type { AugmentationSpec, ImageSpec, ModelSpec, RunSpec } from "../shared/spec.js";

/** The part of a run spec that decides which graphs an engine records. */
export interface EngineSpec {
  readonly classes: readonly string[];
  readonly image: ImageSpec;
  readonly model: ModelSpec;
  readonly augmentation: AugmentationSpec;
  readonly classWeights: readonly number[];
  readonly labelSmoothing: number;
  readonly engine: Pick<RunSpec["engine"], "compute">;
}

/** The input of one training call: n samples; every array holds exactly n of them. */
export interface MicroBatch {
  /** uint8 [n, height, width, channels], as decoded and resized. */
  readonly images: Uint8Array;
  /** int32 [n], class indices. */
  readonly labels: Int32Array;
  /** float32 [n, 8]: the projective transform of each sample (engine/augmentation/affine-transform.ts). */
  readonly transforms: Float32Array;
  /** float32 [n]: brightness factors; used only when the spec turns brightness on. */
  readonly brightness: Float32Array;
  /** float32 [n]: channel shifts in units of 0 to 255; used only when the spec turns them on. */
  readonly channelShifts: Float32Array;
  /**
   * Seed of the model's random layers, two unsigned 32-bit numbers from (draws, seed, step, lane, call). Each layer adds
   * its index to the second one.
   */
  readonly dropoutSeed: readonly [number, number];
}

/** The result of a training call on one micro-batch. The formulas are explained in docs/design/mathematics-of-a-lane.md. */
export interface MicroBatchResult {
  /** sum_i c(y_i) * loss_i + n * regularisation. */
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** float32 [parameterCount]: the gradient of `lossSum`. The caller owns it. */
  readonly gradient: Float32Array;
  /** float32 [statisticsCount]: batch mean and variance as TensorFlow's op returns them (Bessel-corrected, n/(n-1)). */
  readonly statistics: Float32Array;
}

/** The result of evaluating n samples. */
export interface EvaluationResult {
  /** float32 [n]: the loss of each sample, without class weights and without regularisation. */
  readonly losses: Float32Array;
  /** The regularisation term of the current parameters, to be added once to the mean loss. */
  readonly regularisation: number;
  /** float32 [n, classes]: probabilities; for two classes [1 - p, p]. */
  readonly probabilities: Float32Array;
}

/** A model on a device, with its weights. All calls block the thread. */
export interface Engine {
  readonly layout: ModelLayout;
  /** Fresh parameters: Glorot uniform kernels, zero biases. Each tensor has a stream of (draws, seed, its index in the layout). */
  initialise(seed: number, draws: Draws): Float32Array;
  /** Records the graphs for these sizes of micro-batches and evaluation blocks, so that no later call takes time for it. */
  prepare(sizes: { gradients: readonly number[]; evaluate: readonly number[] }): void;
  /** Sets the parameters (float32 [parameterCount]) and the published statistics (float32 [statisticsCount]). Copies both. */
  setWeights(parameters: Float32Array, statistics: Float32Array): void;
  /** Computes loss and gradient of one micro-batch: augmentation, forward pass, loss, backward pass. */
  gradients(batch: MicroBatch): MicroBatchResult;
  /**
   * Evaluates samples: no augmentation, no dropout, batch norm on the published statistics.
   * @param images uint8 [n, height, width, channels].
   */
  evaluate(images: Uint8Array, labels: Int32Array): EvaluationResult;
  /** The probabilities of each class, float32 [n, classes]. */
  predict(images: Uint8Array): Float32Array;
  /** The number of tensors that TensorFlow holds, for the metric and the tests for leaks. */
  tensorCount(): number;
  /** Frees the model, its graphs and its weights. */
  dispose(): void;
}
