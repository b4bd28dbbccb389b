/**
 * TensorFlow's stateless random ops. Their numbers depend on shape and seed alone, so a recorded graph draws new numbers
 * for each seed that it is fed, and the same numbers for the same seed on every machine.
 */
import type { Tensor, Tensor1D } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { DataType, nodeBackend, typeAttribute } from "../recording/tfjs-node-backend.js";

/** Random numbers, uniform in [0, 1). `seed` is int32 [2]. */
export const randomUniform = (tf: TensorFlow, shape: readonly number[], seed: Tensor1D) =>
  draw(tf, "StatelessRandomUniform", shape, seed);

/** Random numbers of the standard normal distribution. `seed` is int32 [2]. */
export const randomNormal = (tf: TensorFlow, shape: readonly number[], seed: Tensor1D) =>
  draw(tf, "StatelessRandomNormal", shape, seed);

function draw(tf: TensorFlow, op: string, shape: readonly number[], seed: Tensor1D): Tensor {
  const attributes = [
    typeAttribute("dtype", DataType.float),
    typeAttribute("T", DataType.int32),
    typeAttribute("Tseed", DataType.int32),
  ];
  return nodeBackend(tf).executeSingleOutput(op, attributes, [tf.tensor1d([...shape], "int32"), seed]);
}
