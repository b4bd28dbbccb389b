/**
 * Gradients of activation functions as single TensorFlow ops, where tfjs composes several. They are registered by kernel
 * name, so that every layer uses them. They take the activation's output, which lets TensorFlow fuse convolution, bias
 * and relu into one op.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { DataType, nodeBackend, typeAttribute } from "../recording/tfjs-node-backend.js";

interface GradientOp {
  readonly op: string;
  /** Order of the op's two inputs. */
  readonly order: "gradient first" | "output first";
}

const gradientOps: Readonly<Record<string, GradientOp>> = {
  Relu: { op: "ReluGrad", order: "gradient first" },
  Relu6: { op: "Relu6Grad", order: "gradient first" },
  Selu: { op: "SeluGrad", order: "gradient first" },
  Elu: { op: "EluGrad", order: "gradient first" },
  Sigmoid: { op: "SigmoidGrad", order: "output first" },
  Tanh: { op: "TanhGrad", order: "output first" },
};

/** Registers the gradients in this thread's tfjs. The results stay the same; only the ops change. Idempotent. */
export function registerActivationGradients(tf: TensorFlow): void {
  for (const [kernelName, { op, order }] of Object.entries(gradientOps)) {
    if (tf.getGradient(kernelName) !== undefined) tf.unregisterGradient(kernelName);
    tf.registerGradient({
      kernelName,
      outputsToSave: [true],
      gradFunc: (dy, [output]) => {
        const pair = [dy as Tensor, output as Tensor];
        return { x: () => apply(tf, op, order === "gradient first" ? pair : pair.reverse()) };
      },
    });
  }
}

const apply = (tf: TensorFlow, op: string, inputs: Tensor[]): Tensor =>
  nodeBackend(tf).executeSingleOutput(op, [typeAttribute("T", DataType.float)], inputs);
