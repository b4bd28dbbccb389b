/**
 * What is rewritten in a recorded graph: biases become TensorFlow's bias ops and nothing else does; with bfloat16,
 * products lie between casts, and everything at the border of the graph stays as it was.
 */
import { describe, expect, it } from "vitest";
import type { GraphNode, OpNode, RecordedGraph } from "../../engine/recording/recorded-graph.js";
import { DataType, typeAttribute } from "../../engine/recording/tfjs-node-backend.js";
import { withBiasOps } from "../../engine/rewriting/bias-ops.js";
import { withBfloat16Products } from "../../engine/rewriting/mixed-precision.js";

const placeholder = (name: string, shape: number[]): GraphNode => ({
  kind: "placeholder",
  name,
  dtype: DataType.float,
  shape,
});
const axes = (name: string, values: number[]): GraphNode => ({
  kind: "constant",
  name,
  dtype: DataType.int32,
  shape: [values.length],
  values: Int32Array.from(values),
});
const op = (name: string, kind: string, inputs: string[], shape: number[]): OpNode => ({
  kind: "op",
  name,
  op: kind,
  attributes: [typeAttribute("T", DataType.float)],
  inputs: inputs.map((input) => `${input}:0`),
  outputs: [{ dtype: DataType.float, shape }],
});
const graphOf = (nodes: GraphNode[]): RecordedGraph => ({
  nodes,
  inputs: new Map(),
  outputs: new Map([["out", `${nodes.at(-1)?.name}:0`]]),
});
const find = (graph: RecordedGraph, name: string) =>
  graph.nodes.find((node) => node.name === name) as OpNode | undefined;

describe("bias ops", () => {
  const values = placeholder("values", [8, 4, 4, 3]);

  it("a vector added along the last axis is BiasAdd", () => {
    const graph = withBiasOps(
      graphOf([values, placeholder("bias", [3]), op("sum", "Add", ["values", "bias"], [8, 4, 4, 3])]),
    );
    expect(find(graph, "sum")).toMatchObject({ op: "BiasAdd", inputs: ["values:0", "bias:0"] });
  });

  it.each([[[8, 4, 4, 3]], [[1]], [[4, 3]]])(
    "the addition of a tensor of shape %j is not rewritten",
    (shape) => {
      const graph = withBiasOps(
        graphOf([values, placeholder("other", shape), op("sum", "Add", ["values", "other"], [8, 4, 4, 3])]),
      );
      expect(find(graph, "sum")?.op).toBe("Add");
    },
  );

  it("a sum over all axes but the last is BiasAddGrad of the flattened values", () => {
    const graph = withBiasOps(
      graphOf([values, axes("axes", [0, 1, 2]), op("sum", "Sum", ["values", "axes"], [3])]),
    );
    const sum = find(graph, "sum");
    expect(sum?.op).toBe("BiasAddGrad");
    expect(sum?.inputs).toHaveLength(1);
    expect(find(graph, "sum/flat")).toMatchObject({ op: "Reshape", inputs: ["values:0", "sum/shape:0"] });
  });

  it("a sum over other axes stays, though its shape is that of a bias", () => {
    const square = placeholder("square", [3, 3]);
    const graph = withBiasOps(
      graphOf([square, axes("axes", [1]), op("sum", "Sum", ["square", "axes"], [3])]),
    );
    expect(find(graph, "sum")?.op).toBe("Sum");
  });
});

describe("bfloat16 products", () => {
  const graph = withBfloat16Products(
    graphOf([
      placeholder("x", [2, 3]),
      placeholder("w", [3, 4]),
      op("first", "MatMul", ["x", "w"], [2, 4]),
      op("second", "MatMul", ["x", "w"], [2, 4]),
      op("out", "Relu", ["first"], [2, 4]),
    ]),
  );

  it("take casts, each tensor cast once, and are cast back under their own names", () => {
    const product = find(graph, "first/bfloat16");
    expect(product?.inputs).toEqual(["x_0/bfloat16:0", "w_0/bfloat16:0"]);
    expect(product?.attributes).toEqual([typeAttribute("T", DataType.bfloat16)]);
    expect(find(graph, "second/bfloat16")?.inputs).toEqual(product?.inputs);
    expect(graph.nodes.filter(({ name }) => name === "x_0/bfloat16")).toHaveLength(1);
    expect(find(graph, "first")).toMatchObject({ op: "Cast", inputs: ["first/bfloat16:0"] });
  });

  it("leave every other op as it was", () => {
    expect(find(graph, "out")).toMatchObject({ op: "Relu", inputs: ["first:0"] });
    expect(graph.nodes.filter(({ kind }) => kind === "placeholder")).toHaveLength(2);
  });
});
