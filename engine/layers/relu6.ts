/**
 * The ReLU layer with a ceiling of 6, on TensorFlow's op Relu6, which has a gradient op. tfjs clips in two ops and
 * computes the gradient in three more. With another ceiling tfjs' own layer runs.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { type LayerClass, onlyTensor } from "./tfjs-layer-classes.js";
import type { CallArguments } from "./training-context.js";

/** The class that replaces tfjs' ReLU, given tfjs' own class. */
export function boundedReluClass(tf: TensorFlow, Base: LayerClass): LayerClass {
  return class BoundedRelu extends Base {
    static override className = "ReLU";

    override call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] {
      if (this.getConfig()["maxValue"] !== 6) return super.call(inputs, keywords);
      return tf.relu6(onlyTensor(inputs));
    }
  };
}
