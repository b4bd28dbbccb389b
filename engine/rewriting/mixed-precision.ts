/**
 * Mixed precision (Micikevicius et al. 2018, with bfloat16, whose range needs no loss scaling): convolutions, matrix
 * products and their gradients take and give bfloat16; everything else, and every parameter and gradient at the border
 * of the graph, stays float32. Sums inside a product are float32 in oneDNN and cuDNN.
 */

import {
  type GraphNode,
  type OpNode,
  type RecordedGraph,
  type TensorReference,
  tensorTypes,
} from "../recording/recorded-graph.js";
import { boolAttribute, DataType, type OpAttribute, typeAttribute } from "../recording/tfjs-node-backend.js";

/** Dense products. A depthwise convolution waits for memory, and TensorFlow's bfloat16 kernel for it is a slow one. */
const products: ReadonlySet<string> = new Set([
  "BatchMatMulV2",
  "Conv2D",
  "Conv2DBackpropFilter",
  "Conv2DBackpropInput",
  "MatMul",
]);

/** The graph with casts around its products. Each tensor is cast once, however many products take it. */
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
      casts.push(cast(name, input, DataType.float, DataType.bfloat16, type.shape));
      narrowed.set(input, `${name}:0`);
      return `${name}:0`;
    });
    return [...casts, ...inBfloat16(node, inputs)];
  });
  return { ...graph, nodes };
}

/** The product under another name, and its result cast back under the node's own, so that whoever takes it finds it. */
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
  return [product, cast(node.name, `${name}:0`, DataType.bfloat16, DataType.float, shape)];
}

const ofBfloat16: OpAttribute = typeAttribute("T", DataType.bfloat16);

function cast(
  name: string,
  input: TensorReference,
  from: number,
  to: number,
  shape: readonly number[],
): GraphNode {
  const attributes = [
    typeAttribute("SrcT", from),
    typeAttribute("DstT", to),
    boolAttribute("Truncate", false),
  ];
  return { kind: "op", name, op: "Cast", attributes, inputs: [input], outputs: [{ dtype: to, shape }] };
}
