/**
 * The parts of tfjs-node that recording and sessions stand on, typed: its backend instance, its native
 * binding, and the tensors it keeps. None of them is public API of tfjs-node 4.22.0, whose version is pinned.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import type { TensorFlow } from "../native/load-tensorflow.js";

/** An op attribute as tfjs-node passes it to TensorFlow; `type` is a TF_AttrType, list-valued if an array. */
export interface OpAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: boolean | number | string | readonly (boolean | number)[];
}

/** TF_DataType numbers that occur in our graphs (tensorflow/core/framework/types.proto). */
export const DataType = { float: 1, int32: 3, uint8: 4, bool: 10, bfloat16: 14 } as const;
/** TF_AttrType (tensorflow/c/c_api.h). */
export const AttributeType = { string: 0, int: 1, float: 2, bool: 3, type: 4, shape: 5 } as const;

export type TensorValues = Float32Array | Int32Array | Uint8Array;

export interface TensorMetadata {
  readonly id: number;
  readonly shape: number[];
  readonly dtype: number;
}

/** lib/napi-v8/tfjs_binding.node. Tensor ids are handles that must be deleted by whoever created them. */
export interface NativeBinding {
  readonly TF_Version: string;
  /** May keep `values` instead of copying them: they must not change while the tensor lives. Strings: a list of bytes. */
  createTensor(shape: readonly number[], dtype: number, values: TensorValues | readonly Uint8Array[]): number;
  deleteTensor(id: number): void;
  /** A copy, owned by the caller. */
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
  /** Names are comma-separated `node:index`. */
  runSavedModel(id: number, inputs: number[], inputNames: string, outputNames: string): TensorMetadata[];
  isUsingGpuDevice(): boolean;
}

/** dist/nodejs_kernel_backend.js. */
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

export const nodeBackend = (tf: TensorFlow): NodeBackend => tf.backend() as unknown as NodeBackend;

export const typeAttribute = (name: string, value: number): OpAttribute => ({
  name,
  type: AttributeType.type,
  value,
});
export const intAttribute = (name: string, value: number): OpAttribute => ({
  name,
  type: AttributeType.int,
  value,
});
export const floatAttribute = (name: string, value: number): OpAttribute => ({
  name,
  type: AttributeType.float,
  value,
});
export const boolAttribute = (name: string, value: boolean): OpAttribute => ({
  name,
  type: AttributeType.bool,
  value,
});
export const stringAttribute = (name: string, value: string): OpAttribute => ({
  name,
  type: AttributeType.string,
  value,
});
