/**
 * What a layer may know of the training step it runs in, handed down as a keyword argument of `call`:
 * where random layers get their seed, and where batch norms leave the statistics of the micro-batch.
 */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-node-gpu";
import { invariant } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load-tensorflow.js";

export class TrainingContext {
  readonly #tf: TensorFlow;
  readonly #seed: Tensor;
  readonly #statistics = new Map<string, readonly [mean: Tensor, variance: Tensor]>();
  #randomLayers = 0;

  /** `seed`: int32 [1], the micro-batch's dropout seed. Stays the caller's. */
  constructor(tf: TensorFlow, seed: Tensor) {
    this.#tf = tf;
    this.#seed = seed;
  }

  /** int32 [2]: the dropout seed and the number of the random layer, counted in the order of calls. */
  nextSeed(): Tensor1D {
    const layer = this.#tf.tensor1d([this.#randomLayers], "int32");
    this.#randomLayers += 1;
    return this.#tf.concat([this.#seed as Tensor1D, layer]);
  }

  /** Mean and variance, float32 [channels] each; kept until `dispose`. */
  keepStatistics(layer: string, mean: Tensor, variance: Tensor): void {
    invariant(!this.#statistics.has(layer), `batch norm ${layer} is called once in a step`);
    this.#statistics.set(layer, [this.#tf.keep(mean), this.#tf.keep(variance)]);
  }

  /** Of the layers in this order, as one list: mean, variance, mean, variance... */
  statistics(layers: readonly string[]): Tensor[] {
    return layers.flatMap((layer) => {
      const pair = this.#statistics.get(layer);
      invariant(pair !== undefined, `batch norm ${layer} ran in the step`);
      return [...pair];
    });
  }

  dispose(): void {
    for (const pair of this.#statistics.values()) for (const tensor of pair) tensor.dispose();
    this.#statistics.clear();
  }
}

/** Keyword arguments of a layer's `call`. */
export interface CallArguments {
  readonly training?: boolean;
  readonly step?: TrainingContext;
}

/** The step of a training call; null in evaluation, and in training that is not ours (`model.fit`). */
export function trainingContext(keywords: CallArguments | null | undefined): TrainingContext | null {
  return keywords?.training === true ? (keywords.step ?? null) : null;
}
