/** Tensors that exist only in TensorFlow's memory; sessions are fed with them. The creator of a tensor closes it. */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { NativeBinding, NodeBackend, TensorValues } from "../recording/tfjs-node-backend.js";

/** A tensor in TensorFlow's memory. */
export interface NativeTensor {
  readonly id: number;
  close(): void;
}

/** Creates a tensor. TensorFlow may use `values` without copying them, so they must not change before `close`. */
export function nativeTensor(
  binding: NativeBinding,
  shape: readonly number[],
  dtype: number,
  values: TensorValues,
): NativeTensor {
  const id = binding.createTensor([...shape], dtype, values);
  return { id, close: () => binding.deleteTensor(id) };
}

/** Creates a tfjs tensor that stands for an input while a graph is recorded. */
export function exampleTensor(
  backend: NodeBackend,
  shape: readonly number[],
  dtype: number,
  values: TensorValues,
): Tensor {
  const id = backend.binding.createTensor([...shape], dtype, values);
  return backend.createOutputTensor({ id, shape: [...shape], dtype });
}
