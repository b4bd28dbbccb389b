/**
 * What the rest of Trainyard knows of the engine: a model's flat vectors, and calls that block their thread.
 * An Engine belongs to one thread (worker/engine-thread hosts it) and one model; it owns every tensor.
 */
import type { ModelLayout } from "../shared/layout.js";
import type { AugmentationSpec, ImageSpec, ModelSpec, RunSpec } from "../shared/spec.js";

/** The part of a run spec that decides an engine's graphs. */
export interface EngineSpec {
  readonly classes: readonly string[];
  readonly image: ImageSpec;
  readonly model: ModelSpec;
  readonly augmentation: AugmentationSpec;
  readonly classWeights: readonly number[];
  readonly labelSmoothing: number;
  readonly engine: Pick<RunSpec["engine"], "compute">;
}

/** One engine call's input. n = number of samples; every array holds exactly n samples. */
export interface MicroBatch {
  /** uint8 [n, height, width, channels], as decoded and resized. */
  readonly images: Uint8Array;
  /** int32 [n], class indices. */
  readonly labels: Int32Array;
  /** float32 [n, 8]: the projective transform of each sample (engine/augmentation). */
  readonly transforms: Float32Array;
  /** float32 [n]: brightness factors; used only where the spec turns brightness on. */
  readonly brightness: Float32Array;
  /** float32 [n]: channel shifts in 0..255 units; used only where the spec turns them on. */
  readonly channelShifts: Float32Array;
  /** Seeds the model's random layers: (seed, step, lane, call) hashed to 32 bits; layers add their index. */
  readonly dropoutSeed: number;
}

/** Of one micro-batch; DESIGN 5.5. */
export interface MicroBatchResult {
  /** sum_i c(y_i) * loss_i + n * regularisation. */
  readonly lossSum: number;
  readonly correct: number;
  readonly samples: number;
  /** float32 [parameterCount], gradient of `lossSum`. Owned by the caller. */
  readonly gradient: Float32Array;
  /** float32 [statisticsCount]: batch mean and variance as the op returns it (Bessel-corrected, n/(n-1)). */
  readonly statistics: Float32Array;
}

export interface EvaluationResult {
  /** float32 [n], without class weights, without regularisation. */
  readonly losses: Float32Array;
  /** The regularisation terms of the current parameters (one number, added once per sample mean). */
  readonly regularisation: number;
  /** float32 [n, classes]: probabilities; for two classes [1 - p, p]. */
  readonly probabilities: Float32Array;
}

export interface Engine {
  readonly layout: ModelLayout;
  /** Fresh parameters: Glorot uniform, zero biases; each tensor's seed is hash(seed, index in the layout). */
  initialise(seed: number): Float32Array;
  /** Records the graphs of these micro-batch and evaluation sizes, so that no later call pays for it. */
  prepare(sizes: { gradients: readonly number[]; evaluate: readonly number[] }): void;
  /** Sets parameters (float32 [parameterCount]) and published statistics (float32 [statisticsCount]); copies both. */
  setWeights(parameters: Float32Array, statistics: Float32Array): void;
  gradients(batch: MicroBatch): MicroBatchResult;
  /** No augmentation, no dropout, batch norm on the published statistics. images: uint8 [n, h, w, c]. */
  evaluate(images: Uint8Array, labels: Int32Array): EvaluationResult;
  /** float32 [n, classes]. */
  predict(images: Uint8Array): Float32Array;
  /** Live tensors, for the metric and the leak tests. */
  tensorCount(): number;
  dispose(): void;
}
