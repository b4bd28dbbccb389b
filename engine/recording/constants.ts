/**
 * Values of the tensors that a recorded step did not compute, which become constants of the graph. A tensor of one
 * repeated value is stored as that value: a mask of ones takes four bytes in the graph, whatever its shape.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { TrainyardError } from "../../shared/errors.js";
import { DataType, type NodeBackend, type TensorValues } from "./tfjs-node-backend.js";

/** The type and values of a constant. Throws ENGINE for types that our graphs never contain. */
export function constantValues(
  backend: NodeBackend,
  tensor: Tensor,
): { dtype: number; values: TensorValues } {
  const { dtype, id, values } = backend.tensorMap.get(tensor.dataId);
  if (!(Object.values(DataType) as number[]).includes(dtype)) {
    throw new TrainyardError("ENGINE", `the step can't be recorded: a constant of type ${tensor.dtype}`);
  }
  return { dtype, values: compact(typed(dtype, values ?? backend.binding.tensorDataSync(id))) };
}

/** tfjs keeps some values as plain arrays until TensorFlow needs them. */
function typed(dtype: number, values: ArrayLike<number>): TensorValues {
  if (dtype === DataType.float) return Float32Array.from(values);
  return dtype === DataType.int32 ? Int32Array.from(values) : Uint8Array.from(values);
}

function compact(values: TensorValues): TensorValues {
  const first = values[0];
  // Object.is, so that a mixture of 0 and -0 stays one.
  return values.length > 1 && values.every((value) => Object.is(value, first)) ? values.slice(0, 1) : values;
}
