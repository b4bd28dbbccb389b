/**
 * Types for the parts of tfjs-node that recording and sessions use: its backend, its native binding and its tensors.
 * None of them is public API of tfjs-node 4.22.0; its version is therefore pinned.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";

/** An op attribute as tfjs-node passes it to TensorFlow; `type` is a TF_AttrType, list-valued if an array. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | string | readonly (boolean | number)[];
}

/** The numbers of TF_DataType that occur in our graphs (tensorflow/core/framework/types.proto). */
export const DataType = { float: 1, int32: 3, uint8: 4, bool: 10, bfloat16: 14 } as const;
/** The numbers of TF_AttrType (tensorflow/c/c_api.h). */
export const AttributeType = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

/** The values of a tensor outside TensorFlow. */
export type TensorValues = Float32Array | Int32Array | Uint8Array;

/** A tensor in TensorFlow's memory, as the binding describes it. */
export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** The native binding (lib/napi-v8/tfjs_binding.node). A tensor's id is a handle; its creator must delete it. */
export interface NativeBinding {
  readonly TF_Version: string;
  /**
   * Creates a tensor. TensorFlow may keep `values` instead of copying them, so they must not change while the tensor
   * lives. The values of a string tensor are a list of byte arrays.
   */
  createTensor(shape: readonly number[], dtype: number, values: TensorValues | readonly Uint8Array[]): number;
  deleteTensor(id: number): void;
  /** A copy of the tensor's values; the caller owns it. */
  tensorDataSync(id: number): TensorValues;
  getNumOfTensors(): number;
  executeOp(
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[];
  loadSavedModel(folder: string, tags: string): number;
  deleteSavedModel(id: number): void;
  /** Runs a session. Names are `node:index`, separated by commas. */
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): TensorMetadata[];
  isUsingGpuDevice(): boolean;
}

/** tfjs-node's backend (dist/nodejs_kernel_backend.js). */
export interface NodeBackend {
  readonly binding: NativeBinding;
  /** `values` are set until TensorFlow first needs the tensor, `id` from then on. */
  readonly tensorMap: { get(dataId: object): { dtype: number; id: number; values: TensorValues | null } };
  executeSingleOutput(op: string, attributes: OpAttribute[], inputs: Tensor[]): Tensor;
  executeMultipleOutputs(op: string, attributes: OpAttribute[], inputs: Tensor[], outputs: number): Tensor[];
  createOutputTensor(metadata: TensorMetadata): Tensor;
  readSync(dataId: object): TensorValues;
  read(dataId: object): Promise<TensorValues>;
}

/** The backend of a tfjs instance. */
export const nodeBackend = (tf: TensorFlow): NodeBackend => tf.backend() as unknown as NodeBackend;

/** An op attribute whose value is a TF_DataType. */
export const typeAttribute = (name: string, value: number): OpAttribute => ({
  name,
  type: AttributeType.type,
  value,
});
/** An integer op attribute. */
export const intAttribute = (name: string, value: number): OpAttribute => ({
  name,
  type: AttributeType.int,
  value,
});
/** A float op attribute. */
export const floatAttribute = (name: string, value: number): OpAttribute => ({
  name,
  type: AttributeType.float,
  value,
});
/** A boolean op attribute. */
export const boolAttribute = (name: string, value: boolean): OpAttribute => ({
  name,
  type: AttributeType.bool,
  value,
});
/** A string op attribute. */
export const stringAttribute = (name: string, value: string): OpAttribute => ({
  name,
  type: AttributeType.string,
  value,
});
