/**
 * Mixed precision (Micikevicius et al. 2018), with bfloat16, whose range needs no loss scaling. Convolutions, matrix
 * products and their gradients take and return bfloat16. Everything else stays float32, also the graph's parameters and
 * gradients. Inside a product oneDNN and cuDNN sum in float32.
 */

import {
  type GraphNode,
  type OpNode,
  type RecordedGraph,
  type TensorReference,
  tensorTypes,
} from "../recording/recorded-graph.js";
import { boolAttribute, DataType, type OpAttribute, typeAttribute } from "../recording/tfjs-node-backend.js";

/** The ops that compute in bfloat16. Not depthwise convolutions: memory limits them, and their bfloat16 kernel is slow. */
const products: ReadonlySet<string> = new Set([
  "BatchMatMulV2",
  "Conv2D",
  "Conv2DBackpropFilter",
  "Conv2DBackpropInput",
  "MatMul",
]);

/** The graph with its products in bfloat16 between casts. A tensor is cast once, however many products take it. */
export function withBfloat16Products(graph: RecordedGraph): RecordedGraph {
  const types = tensorTypes(graph);
  const narrowed = new Map<TensorReference, TensorReference>();
  const nodes = graph.nodes.flatMap((node): GraphNode[] => {
    if (node.kind !== "op" || !products.has(node.op)) return [node];
    const casts: GraphNode[] = [];
    const inputs = node.inputs.map((input) => {
      const type = types.get(input);
      if (type?.dtype !== DataType.float) return input;
      const known = narrowed.get(input);
      if (known !== undefined) return known;
      const name = `${input.replace(":", "_")}/bfloat16`;
      casts.push(cast({ name, input, from: DataType.float, to: DataType.bfloat16, shape: type.shape }));
      narrowed.set(input, `${name}:0`);
      return `${name}:0`;
    });
    return [...casts, ...inBfloat16(node, inputs)];
  });
  return { ...graph, nodes };
}

/** The product under a new name, and a cast of its result to float32 under the node's own name, for the nodes that use it. */
function inBfloat16(node: OpNode, inputs: readonly TensorReference[]): GraphNode[] {
  const name = `${node.name}/bfloat16`;
  const shape = node.outputs[0]?.shape ?? [];
  const product: OpNode = {
    ...node,
    name,
    inputs,
    attributes: node.attributes.map((attribute) => (attribute.name === "T" ? ofBfloat16 : attribute)),
    outputs: [{ dtype: DataType.bfloat16, shape }],
  };
  const { bfloat16: from, float: to } = DataType;
  return [product, cast({ name: node.name, input: `${name}:0`, from, to, shape })];
}

const ofBfloat16: OpAttribute = typeAttribute("T", DataType.bfloat16);

/** A Cast node: its name, the tensor that it takes, TensorFlow's types before and after, and the tensor's shape. */
interface Cast {
  readonly name: string;
  readonly input: TensorReference;
  readonly from: number;
  readonly to: number;
  readonly shape: readonly number[];
}

function cast({ name, input, from, to, shape }: Cast): GraphNode {
  const attributes = [
    typeAttribute("SrcT", from),
    typeAttribute("DstT", to),
    boolAttribute("Truncate", false),
  ];
  return { kind: "op", name, op: "Cast", attributes, inputs: [input], outputs: [{ dtype: to, shape }] };
}
