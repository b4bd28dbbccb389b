/**
 * Gradients of activations as TensorFlow's own ops, where tfjs composes several: registered by kernel, so
 * that every layer gets them. They take the activation's output, which lets TensorFlow fuse
 * convolution, bias and relu into one op.
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

/** Idempotent. Changes how this process' tfjs differentiates, not what. */
export function installKernelGradients(tf: TensorFlow): void {
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
