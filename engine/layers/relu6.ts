/**
 * The ReLU layer, where its ceiling is 6 as TensorFlow's Relu6, which has a gradient op of its own; tfjs clips
 * in two ops and masks in three more.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { type LayerClass, onlyTensor } from "./tfjs-layer-classes.js";
import type { CallArguments } from "./training-context.js";

export function boundedReluClass(tf: TensorFlow, Base: LayerClass): LayerClass {
  return class BoundedRelu extends Base {
    static override className = "ReLU";

    override call(inputs: Tensor | Tensor[], keywords: CallArguments): Tensor | Tensor[] {
      if (this.getConfig()["maxValue"] !== 6) return super.call(inputs, keywords);
      return tf.relu6(onlyTensor(inputs));
    }
  };
}
