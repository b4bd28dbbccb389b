/** Op attributes that tfjs-node leaves eager TensorFlow to infer, but that a GraphDef must state. */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { DataType, type NodeBackend, type OpAttribute, typeAttribute } from "./tfjs-node-backend.js";

/** The attributes that an op needs besides those that its kernel in tfjs-node 4.22.0 passes. */
export function missingAttributes(
  op: string,
  inputs: readonly Tensor[],
  backend: NodeBackend,
): readonly OpAttribute[] {
  if (op !== "ExpandDims") return [];
  const input = inputs[0];
  const dtype = input === undefined ? DataType.float : backend.tensorMap.get(input.dataId).dtype;
  return [typeAttribute("T", dtype), typeAttribute("Tdim", DataType.int32)];
}
