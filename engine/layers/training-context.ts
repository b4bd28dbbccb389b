/**
 * What a layer may know of the training call that it runs in, passed as a keyword argument of `call`: random layers get
 * their seed from it, and batch norms leave the statistics of the micro-batch in it.
 */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-node-gpu";
import { invariant } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load-tensorflow.js";

/** The context of one training call. Its creator disposes it. */
export class TrainingContext {
  readonly #tf: TensorFlow;
  readonly #seed: Tensor;
  readonly #statistics = new Map<string, readonly [mean: Tensor, variance: Tensor]>();
  #randomLayers = 0;

  /** @param seed int32 [2], the micro-batch's dropout seed; the caller keeps owning it. */
  constructor(tf: TensorFlow, seed: Tensor) {
    this.#tf = tf;
    this.#seed = seed;
  }

  /** The seed of the next random layer, int32 [2]: the dropout seed plus [0, the layer's number in the order of calls]. */
  nextSeed(): Tensor1D {
    const layer = this.#tf.tensor1d([0, this.#randomLayers], "int32");
    this.#randomLayers += 1;
    return this.#seed.add<Tensor1D>(layer);
  }

  /** Keeps a batch norm's mean and variance, float32 [channels] each, until `dispose`. */
  keepStatistics(layer: string, mean: Tensor, variance: Tensor): void {
    invariant(!this.#statistics.has(layer), `batch norm ${layer} is called once in a step`);
    this.#statistics.set(layer, [this.#tf.keep(mean), this.#tf.keep(variance)]);
  }

  /** The statistics of the given layers, in order, as one list: mean, variance, mean, variance and so on. */
  statistics(layers: readonly string[]): Tensor[] {
    return layers.flatMap((layer) => {
      const pair = this.#statistics.get(layer);
      invariant(pair !== undefined, `batch norm ${layer} ran in the step`);
      return [...pair];
    });
  }

  /** Frees the statistics. */
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

/** The context in a layer's keyword arguments; null in evaluation, and in training by tfjs itself (`model.fit`). */
export function trainingContext(keywords: CallArguments | null | undefined): TrainingContext | null {
  return keywords?.training === true ? (keywords.step ?? null) : null;
}
