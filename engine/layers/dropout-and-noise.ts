/**
 * Dropout and the other layers that draw random numbers, as Keras defines them. They use stateless random ops whose seed
 * is an input of the graph. Outside a training call tfjs' own layers run, which are identities.
 */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { randomNormal, randomUniform } from "./stateless-random.js";
import { type LayerClass, type LayerSettings, onlyTensor } from "./tfjs-layer-classes.js";
import { type CallArguments, trainingContext } from "./training-context.js";

/** What a random layer does to its input in training. Null when its settings leave the input unchanged. */
type Perturbation = (
  tf: TensorFlow,
  settings: LayerSettings,
) => ((x: Tensor, seed: Tensor1D) => Tensor) | null;

/** The random layers by class name. */
export const perturbations: Readonly<Record<string, Perturbation>> = {
  Dropout: (tf, settings) =>
    ifRate(settings, (rate) => (x, seed) => {
      const shape = noiseShape(settings, x.shape);
      return x.mul(keepMask(tf, shape, rate, seed).mul(1 / (1 - rate)));
    }),

  /** Drops whole channels of an input [samples, steps, channels]. */
  SpatialDropout1D: (tf, settings) =>
    ifRate(settings, (rate) => (x, seed) => {
      const [samples = 1, , channels = 1] = x.shape;
      return x.mul(keepMask(tf, [samples, 1, channels], rate, seed).mul(1 / (1 - rate)));
    }),

  GaussianNoise: (tf, settings) => {
    const deviation = Number(settings["stddev"]);
    return deviation > 0 ? (x, seed) => x.add(randomNormal(tf, x.shape, seed).mul(deviation)) : null;
  },

  /** Multiplies by normal(1, sqrt(rate / (1 - rate))) (Srivastava et al. 2014, section 10). */
  GaussianDropout: (tf, settings) =>
    ifRate(settings, (rate) => {
      const deviation = Math.sqrt(rate / (1 - rate));
      return (x, seed) => x.mul(randomNormal(tf, x.shape, seed).mul(deviation).add(1));
    }),

  /** Dropout that keeps the mean and variance of selu activations (Klambauer et al. 2017, section 3). */
  AlphaDropout: (tf, settings) =>
    ifRate(settings, (rate) => {
      const saturation = -1.6732632423543772 * 1.0507009873554805;
      const scale = 1 / Math.sqrt((1 - rate) * (1 + rate * saturation * saturation));
      const shift = -scale * saturation * rate;
      return (x, seed) => {
        const keep = keepMask(tf, noiseShape(settings, x.shape), rate, seed);
        const dropped = x.mul(keep).add(keep.sub(1).mul(-saturation));
        return dropped.mul(scale).add(shift);
      };
    }),
};

/** The class that replaces one of tfjs' random layers, given tfjs' own class. */
export function randomLayerClass(tf: TensorFlow, Base: LayerClass, perturbation: Perturbation): LayerClass {
  return class RandomLayer extends Base {
    static override className = Base.className;
    readonly #perturb: ReturnType<Perturbation>;

    constructor(settings: LayerSettings) {
      super(settings);
      this.#perturb = perturbation(tf, settings);
    }

    override call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] {
      const context = trainingContext(keywords);
      if (context === null) return super.call(inputs, keywords);
      const perturb = this.#perturb;
      if (perturb === null) return onlyTensor(inputs);
      return tf.tidy(() => perturb(onlyTensor(inputs), context.nextSeed()));
    }
  };
}

function ifRate<T>(settings: LayerSettings, make: (rate: number) => T): T | null {
  const rate = Number(settings["rate"]);
  return rate > 0 ? make(rate) : null;
}

/** A mask of the shape: 1 with probability 1 - rate, else 0. */
const keepMask = (tf: TensorFlow, shape: readonly number[], rate: number, seed: Tensor1D): Tensor =>
  randomUniform(tf, shape, seed).greaterEqual(rate).cast("float32");

/** The shape of the mask: Keras' noise_shape, where null (or no shape at all) means the input's size. */
function noiseShape(settings: LayerSettings, inputShape: readonly number[]): number[] {
  const given = settings["noiseShape"];
  if (!Array.isArray(given)) return [...inputShape];
  return inputShape.map((size, axis) => (typeof given[axis] === "number" ? Number(given[axis]) : size));
}
