/**
 * The BatchNormalization layer for training, on TensorFlow's fused ops (tfjs composes it from a dozen). It hands the
 * statistics of the micro-batch to the training context. It does not update the moving statistics: the coordinator
 * averages them over all lanes (docs/design/mathematics-of-a-lane.md). In evaluation tfjs' own layer runs.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { TrainyardError } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { normalise, normaliseGradient } from "./fused-batch-norm.js";
import { type LayerClass, onlyTensor } from "./tfjs-layer-classes.js";
import { type CallArguments, type TrainingContext, trainingContext } from "./training-context.js";

/** The class that replaces tfjs' BatchNormalization, given tfjs' own class. */
export function batchNormalizationClass(tf: TensorFlow, Base: LayerClass): LayerClass {
  return class BatchNormalization extends Base {
    static override className = "BatchNormalization";

    override call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] {
      const context = trainingContext(keywords);
      if (context === null) return super.call(inputs, keywords);
      return tf.tidy(() => this.#train(onlyTensor(inputs), context));
    }

    #train(x: Tensor, context: TrainingContext): Tensor {
      const settings = this.getConfig();
      refuseOtherAxes(this.name, Number(settings["axis"]), x.rank);
      const channels = x.shape.at(-1) ?? 1;
      const scale = this.#weight("gamma") ?? tf.ones([channels]);
      const offset = this.#weight("beta") ?? tf.zeros([channels]);
      const epsilon = Number(settings["epsilon"]);
      const normalised = normaliseAndKeep(tf, epsilon, (mean, variance) =>
        context.keepStatistics(this.name, mean, variance),
      );
      // oneDNN normalises images in their own shape a quarter faster than as images of one pixel each.
      const images = x.rank === 4 ? x : x.reshape([x.size / channels, 1, 1, channels]);
      const value = normalised(images, scale, offset);
      return x.rank === 4 ? value : value.reshape(x.shape);
    }

    #weight(name: string): Tensor | undefined {
      return this.weights.find((weight) => weight.originalName.endsWith(`/${name}`))?.read();
    }
  };
}

/** Normalises (input, gamma, beta) with the gradient of TensorFlow's op; gives the batch's mean and variance to `keep`. */
function normaliseAndKeep(tf: TensorFlow, epsilon: number, keep: (mean: Tensor, variance: Tensor) => void) {
  return tf.customGrad((...args) => {
    const [x, scale, offset, save] = args as [Tensor, Tensor, Tensor, (tensors: Tensor[]) => void];
    const { value, mean, variance, reserved } = normalise(tf, { x, scale, offset, epsilon });
    keep(mean, variance);
    save([x, scale, ...reserved]);
    const gradFunc = (dy: Tensor, [savedX, savedScale, ...rest]: Tensor[]) => {
      const saved = { x: savedX as Tensor, scale: savedScale as Tensor, reserved: rest };
      return normaliseGradient(tf, { dy, ...saved, epsilon });
    };
    return { value, gradFunc };
  });
}

function refuseOtherAxes(layer: string, axis: number, rank: number): void {
  if (axis === -1 || axis === rank - 1) return;
  throw new TrainyardError(
    "MODEL",
    `the layer ${layer} normalises over axis ${axis}; only the last axis (channels last) can be trained`,
  );
}
