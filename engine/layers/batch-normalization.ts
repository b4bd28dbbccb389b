/**
 * Batch normalisation as one fused TensorFlow op each way (tfjs composes it from a dozen), keeping the
 * statistics of the micro-batch for the coordinator. Moving statistics are not updated here: DESIGN 5.5.
 * In evaluation it is tfjs' own layer.
 */
import type { Tensor, Tensor1D, Tensor4D } from "@tensorflow/tfjs-node-gpu";
import { TrainyardError } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load.js";
import {
  boolAttribute,
  DataType,
  floatAttribute,
  nodeBackend,
  type OpAttribute,
  stringAttribute,
  typeAttribute,
} from "../recording/backend.js";
import { type LayerClass, onlyTensor } from "./layer-class.js";
import { type CallArguments, trainingStep } from "./training-step.js";

export function batchNormalizationClass(tf: TensorFlow, Base: LayerClass): LayerClass {
  return class BatchNormalization extends Base {
    static override className = "BatchNormalization";

    override call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] {
      const step = trainingStep(keywords);
      if (step === null) return super.call(inputs, keywords);
      return tf.tidy(() => {
        const x = onlyTensor(inputs);
        const settings = this.getConfig();
        refuseOtherAxes(this.name, Number(settings["axis"]), x.rank);
        const channels = x.shape.at(-1) ?? 1;
        const { y, mean, variance } = normalise(tf, {
          x: x.reshape([x.size / channels, 1, 1, channels]),
          scale: this.#weight("gamma") ?? tf.ones([channels]),
          offset: this.#weight("beta") ?? tf.zeros([channels]),
          epsilon: Number(settings["epsilon"]),
        });
        step.keepStatistics(this.name, mean, variance);
        return y.reshape(x.shape);
      });
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

interface Normalisation {
  /** [elements, 1, 1, channels]. */
  readonly x: Tensor;
  /** [channels]. */
  readonly scale: Tensor;
  readonly offset: Tensor;
  readonly epsilon: number;
}

/** FusedBatchNormV3 in training: y as x; mean and (Bessel-corrected) variance of the batch, [channels]. */
function normalise(tf: TensorFlow, { x, scale, offset, epsilon }: Normalisation) {
  const backend = nodeBackend(tf);
  const attributes = fusedAttributes(epsilon);
  const none = tf.tensor1d([]);
  const statistics: Tensor[] = [];
  const y = tf.customGrad((...args) => {
    const [input, gamma, beta] = args as Tensor[];
    const save = args.at(-1) as (tensors: Tensor[]) => void;
    const inputs = [input, gamma, beta, none, none] as Tensor[];
    const outputs = backend.executeMultipleOutputs("FusedBatchNormV3", attributes, inputs, 6);
    const [value, mean, variance, ...reserved] = outputs as [Tensor, Tensor, Tensor, ...Tensor[]];
    statistics.push(tf.keep(mean), tf.keep(variance));
    save([input as Tensor, gamma as Tensor, ...reserved]);
    const gradFunc = (dy: Tensor, saved: Tensor[]) =>
      backend.executeMultipleOutputs("FusedBatchNormGradV3", attributes, [dy, ...saved], 5).slice(0, 3);
    return { value, gradFunc };
  })(x as Tensor4D, scale as Tensor1D, offset as Tensor1D);
  return { y, mean: statistics[0] as Tensor, variance: statistics[1] as Tensor };
}

const fusedAttributes = (epsilon: number): OpAttribute[] => [
  typeAttribute("T", DataType.float),
  typeAttribute("U", DataType.float),
  floatAttribute("epsilon", epsilon),
  stringAttribute("data_format", "NHWC"),
  boolAttribute("is_training", true),
];
