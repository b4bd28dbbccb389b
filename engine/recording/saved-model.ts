/**
 * Encodes a recorded graph as a TensorFlow SavedModel (the file `saved_model.pb`): one meta graph with the tag `serve`,
 * without variables. Formats: tensorflow/core/protobuf/saved_model.proto and framework/graph.proto.
 */
import { assertNever } from "../../shared/errors.js";
import type { GraphNode, RecordedGraph } from "./recorded-graph.js";
import {
  type AttributeMessage,
  messages,
  type NodeMessage,
  type ShapeMessage,
  type TensorMessage,
} from "./saved-model-messages.js";
import { AttributeType, DataType, type OpAttribute, type TensorValues } from "./tfjs-node-backend.js";

/** The tag of the meta graph, by which TensorFlow finds it. */
export const savedModelTag = "serve";

/** The GraphDef version that TensorFlow 2.x writes. It decides which defaults the loader applies. */
const graphProducer = 1087;

/** The bytes of `saved_model.pb` for a graph. */
export function savedModelBytes(graph: RecordedGraph): Uint8Array {
  const definition = new messages.GraphDef();
  definition.setNodeList(graph.nodes.map(nodeMessage));
  const versions = new messages.VersionDef();
  versions.setProducer(graphProducer);
  definition.setVersions(versions);
  const info = new messages.MetaGraphDef.MetaInfoDef();
  info.setTagsList([savedModelTag]);
  const metaGraph = new messages.MetaGraphDef();
  metaGraph.setMetaInfoDef(info);
  metaGraph.setGraphDef(definition);
  const model = new messages.SavedModel();
  model.setSavedModelSchemaVersion(1);
  model.setMetaGraphsList([metaGraph]);
  return model.serializeBinary();
}

function nodeMessage(node: GraphNode): NodeMessage {
  switch (node.kind) {
    case "op":
      return newNode(
        node.name,
        node.op,
        node.inputs,
        node.attributes.map((a) => [a.name, opAttribute(a)]),
      );
    case "placeholder":
      return newNode(
        node.name,
        "Placeholder",
        [],
        [
          ["dtype", attribute((a) => a.setType(node.dtype))],
          ["shape", attribute((a) => a.setShape(shapeMessage(node.shape)))],
        ],
      );
    case "constant":
      return newNode(
        node.name,
        "Const",
        [],
        [
          ["dtype", attribute((a) => a.setType(node.dtype))],
          ["value", attribute((a) => a.setTensor(tensorMessage(node.dtype, node.shape, node.values)))],
        ],
      );
    default:
      return assertNever(node);
  }
}

function newNode(
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: readonly (readonly [string, AttributeMessage])[],
): NodeMessage {
  const node = new messages.NodeDef();
  node.setName(name);
  node.setOp(op);
  // A GraphDef names output 0 by the node alone.
  node.setInputList(inputs.map((input) => input.replace(/:0$/, "")));
  for (const [key, value] of attributes) node.getAttrMap().set(key, value);
  return node;
}

function attribute(fill: (message: AttributeMessage) => void): AttributeMessage {
  const message = new messages.AttrValue();
  fill(message);
  return message;
}

function opAttribute({ type, value }: OpAttribute): AttributeMessage {
  return attribute((message) => {
    if (type === AttributeType.shape) message.setShape(shapeMessage(value as readonly number[]));
    else if (Array.isArray(value)) message.setList(listMessage(type, value));
    else if (type === AttributeType.string) message.setS(new TextEncoder().encode(value as string));
    else if (type === AttributeType.int) message.setI(value as number);
    else if (type === AttributeType.float) message.setF(value as number);
    else if (type === AttributeType.bool) message.setB(value as boolean);
    else message.setType(value as number);
  });
}

function listMessage(type: number, values: readonly unknown[]) {
  const list = new messages.AttrValue.ListValue();
  if (type === AttributeType.bool) list.setBList(values as boolean[]);
  else if (type === AttributeType.float) list.setFList(values as number[]);
  else list.setIList(values as number[]);
  return list;
}

function shapeMessage(sizes: readonly number[]): ShapeMessage {
  const shape = new messages.TensorShape();
  for (const size of sizes) {
    const dim = new messages.TensorShape.Dim();
    dim.setSize(size);
    shape.addDim(dim);
  }
  return shape;
}

/** A TensorProto. A single value stands for all elements (TensorProto repeats the last one); more are written as raw bytes. */
function tensorMessage(dtype: number, shape: readonly number[], values: TensorValues): TensorMessage {
  const tensor = new messages.Tensor();
  tensor.setDtype(dtype);
  tensor.setTensorShape(shapeMessage(shape));
  if (values.length !== 1) {
    tensor.setTensorContent(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  } else if (dtype === DataType.float) tensor.setFloatValList([...values]);
  else if (dtype === DataType.bool) tensor.setBoolValList([values[0] !== 0]);
  else tensor.setIntValList([...values]);
  return tensor;
}
