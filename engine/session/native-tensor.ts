/**
 * A tensor that lives in TensorFlow only: what a session is fed. Whoever creates it closes it.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { NativeBinding, NodeBackend, TensorValues } from "../recording/tfjs-node-backend.js";

export interface NativeTensor {
  readonly id: number;
  close(): void;
}

/** TensorFlow may keep `values` without copying: they must not change before `close`. */
export function nativeTensor(
  binding: NativeBinding,
  shape: readonly number[],
  dtype: number,
  values: TensorValues,
): NativeTensor {
  const id = binding.createTensor([...shape], dtype, values);
  return { id, close: () => binding.deleteTensor(id) };
}

/** A zero-filled tfjs tensor over a native one: stands for an input while a graph is recorded. */
export function exampleTensor(
  backend: NodeBackend,
  shape: readonly number[],
  dtype: number,
  values: TensorValues,
): Tensor {
  const id = backend.binding.createTensor([...shape], dtype, values);
  return backend.createOutputTensor({ id, shape: [...shape], dtype });
}
