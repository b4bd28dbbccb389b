/**
 * A recorded graph as plain values: what the recorder collects and saved-model.ts writes. No TensorFlow here.
 */
import type { OpAttribute, TensorValues } from "./tfjs-node-backend.js";

/** `node:output`, as GraphDef names a tensor. */
export type TensorReference = string;

export interface TensorType {
  /** TF_DataType. */
  readonly dtype: number;
  readonly shape: readonly number[];
}

export type OpNode = Extract<GraphNode, { kind: "op" }>;

export type GraphNode =
  | {
      readonly kind: "op";
      readonly name: string;
      readonly op: string;
      readonly attributes: readonly OpAttribute[];
      readonly inputs: readonly TensorReference[];
      /** What it computes, in the order of its outputs. */
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

export interface RecordedGraph {
  /** In execution order: inputs of a node come before it. */
  readonly nodes: readonly GraphNode[];
  /** Placeholder of each input that an output needs, by the caller's name. */
  readonly inputs: ReadonlyMap<string, TensorReference>;
  readonly outputs: ReadonlyMap<string, TensorReference>;
}

/** Names of the TensorFlow ops in a graph, each once: what tests assert and errors quote. */
export function opsOf(graph: RecordedGraph): ReadonlySet<string> {
  return new Set(graph.nodes.flatMap((node) => (node.kind === "op" ? [node.op] : [])));
}

/** Drops the nodes and inputs that no output needs, so that what is written is what is computed. */
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

export const nodeOf = (reference: TensorReference) => reference.slice(0, reference.lastIndexOf(":"));

/** Type and shape of every tensor in a graph. */
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
