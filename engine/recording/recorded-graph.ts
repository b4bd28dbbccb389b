/** A recorded graph as plain values: op-recorder.ts builds it, saved-model.ts writes it. Uses no TensorFlow. */
import type { OpAttribute, TensorValues } from "./tfjs-node-backend.js";

/** The name of a tensor in a GraphDef: `node:output`. */
export type TensorReference = string;

/** Type and shape of a tensor. */
export interface TensorType {
  /** A number of TF_DataType. */
  readonly dtype: number;
  readonly shape: readonly number[];
}

/** A node that computes something. */
export type OpNode = Extract<GraphNode, { kind: "op" }>;

/** A node of a graph: an op, an input (placeholder) or a constant. */
export type GraphNode =
  | {
      readonly kind: "op";
      readonly name: string;
      readonly op: string;
      readonly attributes: readonly OpAttribute[];
      readonly inputs: readonly TensorReference[];
      /** Types of the node's outputs, in order. */
      readonly outputs: readonly TensorType[];
    }
  | { readonly kind: "placeholder"; readonly name: string; readonly dtype: number; readonly shape: number[] }
  | {
      readonly kind: "constant";
      readonly name: string;
      readonly dtype: number;
      readonly shape: number[];
      /** All elements, or one that stands for every element. */
      readonly values: TensorValues;
    };

/** A graph with named inputs and outputs. */
export interface RecordedGraph {
  /** The nodes in execution order: the inputs of a node come before it. */
  readonly nodes: readonly GraphNode[];
  /** The placeholder of each input that some output needs, by the name that the caller gave it. */
  readonly inputs: ReadonlyMap<string, TensorReference>;
  /** The tensor of each output, by the name that the caller gave it. */
  readonly outputs: ReadonlyMap<string, TensorReference>;
}

/** The names of the TensorFlow ops in a graph, each once. Tests assert on them and errors quote them. */
export function opsOf(graph: RecordedGraph): ReadonlySet<string> {
  return new Set(graph.nodes.flatMap((node) => (node.kind === "op" ? [node.op] : [])));
}

/** The graph without the nodes and inputs that no output needs. */
export function withoutDeadNodes(graph: RecordedGraph): RecordedGraph {
  const needed = new Set([...graph.outputs.values()].map(nodeOf));
  const nodes = [...graph.nodes].reverse().filter((node) => {
    if (!needed.has(node.name)) return false;
    if (node.kind === "op") for (const input of node.inputs) needed.add(nodeOf(input));
    return true;
  });
  const inputs = new Map([...graph.inputs].filter(([, reference]) => needed.has(nodeOf(reference))));
  return { nodes: nodes.reverse(), inputs, outputs: graph.outputs };
}

/** The name of the node that a tensor comes from. */
export const nodeOf = (reference: TensorReference) => reference.slice(0, reference.lastIndexOf(":"));

/** The type and shape of every tensor in a graph. */
export function tensorTypes(graph: RecordedGraph): ReadonlyMap<TensorReference, TensorType> {
  const types = new Map<TensorReference, TensorType>();
  for (const node of graph.nodes) {
    const outputs = node.kind === "op" ? node.outputs : [node];
    for (const [index, { dtype, shape }] of outputs.entries()) {
      types.set(`${node.name}:${index}`, { dtype, shape });
    }
  }
  return types;
}
