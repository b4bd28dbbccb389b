/** Types for the protobuf messages that a SavedModel needs, and that tfjs-node-gpu ships (dist/proto/api_pb.js). */
import { createRequire } from "node:module";

export interface Message {
  serializeBinary(): Uint8Array;
}

export interface ShapeMessage extends Message {
  addDim(dim: DimMessage): DimMessage;
}
export interface DimMessage extends Message {
  setSize(size: number): void;
}
export interface TensorMessage extends Message {
  setDtype(dtype: number): void;
  setTensorShape(shape: ShapeMessage): void;
  setTensorContent(bytes: Uint8Array): void;
  setFloatValList(values: number[]): void;
  setIntValList(values: number[]): void;
  setBoolValList(values: boolean[]): void;
}
export interface ListMessage extends Message {
  setIList(values: readonly number[]): void;
  setFList(values: readonly number[]): void;
  setBList(values: readonly boolean[]): void;
}
export interface AttributeMessage extends Message {
  setS(bytes: Uint8Array): void;
  setI(value: number): void;
  setF(value: number): void;
  setB(value: boolean): void;
  setType(value: number): void;
  setShape(value: ShapeMessage): void;
  setTensor(value: TensorMessage): void;
  setList(value: ListMessage): void;
}
export interface NodeMessage extends Message {
  setName(name: string): void;
  setOp(op: string): void;
  setInputList(inputs: readonly string[]): void;
  getAttrMap(): { set(name: string, value: AttributeMessage): void };
}
interface GraphMessage extends Message {
  setNodeList(nodes: NodeMessage[]): void;
  setVersions(versions: VersionMessage): void;
}
interface VersionMessage extends Message {
  setProducer(producer: number): void;
}
interface MetaInfoMessage extends Message {
  setTagsList(tags: string[]): void;
}
interface MetaGraphMessage extends Message {
  setMetaInfoDef(info: MetaInfoMessage): void;
  setGraphDef(graph: GraphMessage): void;
}
interface SavedModelMessage extends Message {
  setSavedModelSchemaVersion(version: number): void;
  setMetaGraphsList(graphs: MetaGraphMessage[]): void;
}

interface Messages {
  readonly AttrValue: (new () => AttributeMessage) & { readonly ListValue: new () => ListMessage };
  readonly GraphDef: new () => GraphMessage;
  readonly MetaGraphDef: (new () => MetaGraphMessage) & { readonly MetaInfoDef: new () => MetaInfoMessage };
  readonly NodeDef: new () => NodeMessage;
  readonly SavedModel: new () => SavedModelMessage;
  readonly Tensor: new () => TensorMessage;
  readonly TensorShape: (new () => ShapeMessage) & { readonly Dim: new () => DimMessage };
  readonly VersionDef: new () => VersionMessage;
}

export const messages = createRequire(import.meta.url)(
  "@tensorflow/tfjs-node-gpu/dist/proto/api_pb",
) as Messages;
