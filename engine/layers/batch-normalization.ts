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
      const normalised = tf.customGrad((...args) => {
        const [input, gamma, beta, save] = args as [Tensor, Tensor, Tensor, (tensors: Tensor[]) => void];
        const { value, mean, variance, reserved } = normalise(tf, {
          x: input,
          scale: gamma,
          offset: beta,
          epsilon,
        });
        context.keepStatistics(this.name, mean, variance);
        save([input, gamma, ...reserved]);
        const gradFunc = (dy: Tensor, [savedInput, savedGamma, ...rest]: Tensor[]) =>
          normaliseGradient(tf, {
            dy,
            x: savedInput as Tensor,
            scale: savedGamma as Tensor,
            reserved: rest,
            epsilon,
          });
        return { value, gradFunc };
      });
      // In the image's own shape oneDNN normalises a quarter faster than with every position an image.
      const images = x.rank === 4 ? x : x.reshape([x.size / channels, 1, 1, channels]);
      const value = normalised(images, scale, offset);
      return x.rank === 4 ? value : value.reshape(x.shape);
    }

    #weight(name: string): Tensor | undefined {
      return this.weights.find((weight) => weight.originalName.endsWith(`/${name}`))?.read();
    }
  };
}

function refuseOtherAxes(layer: string, axis: number, rank: number): void {
  if (axis === -1 || axis === rank - 1) return;
  throw new TrainyardError(
    "MODEL",
    `the layer ${layer} normalises over axis ${axis}; only the last axis (channels last) can be trained`,
  );
}
