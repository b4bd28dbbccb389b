/**
 * Records ops: runs a step once, eagerly, and adds every TensorFlow op that tfjs-node executes to a graph. Tensors are
 * recognised by their `dataId`, so ops that share one (identity, variables) need no node. saved-model.ts writes the
 * graph; session/ replays it.
 */
import type { Tensor } from "@tensorflow/tfjs-node-gpu";
import { TrainyardError } from "../../shared/errors.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { constantValues } from "./constants.js";
import { missingAttributes } from "./inferred-attributes.js";
import {
  type GraphNode,
  type RecordedGraph,
  type TensorReference,
  withoutDeadNodes,
} from "./recorded-graph.js";
import { refuseRandomNumbers, refuseStatefulOp } from "./refuse-randomness.js";
import { type NodeBackend, nodeBackend, type OpAttribute } from "./tfjs-node-backend.js";

/** An input of a recorded graph: a value that differs from call to call, and becomes a placeholder. */
export interface RecordedInput {
  readonly name: string;
  /** A number of TF_DataType. For tfjs, uint8 tensors are int32. */
  readonly dtype: number;
  readonly tensor: Tensor;
}

/**
 * Records `step`. The tensors that `step` returns become outputs of the graph. A tensor that is neither an input nor
 * computed from one becomes a constant.
 * Throws ENGINE with the name of the op when the step reads a computed value or draws random numbers without a seed.
 */
export function record(
  tf: TensorFlow,
  inputs: readonly RecordedInput[],
  step: () => Readonly<Record<string, Tensor>>,
): RecordedGraph {
  const recorder = new Recorder(nodeBackend(tf), inputs);
  const restore = [recorder.attach(), refuseRandomNumbers()];
  try {
    tf.tidy(() => recorder.finish(step()));
    return withoutDeadNodes(recorder);
  } finally {
    for (const undo of restore.reverse()) undo();
  }
}

class Recorder implements RecordedGraph {
  readonly nodes: GraphNode[] = [];
  readonly inputs = new Map<string, TensorReference>();
  readonly outputs = new Map<string, TensorReference>();
  readonly #backend: NodeBackend;
  /** The tensor of the graph for each dataId. Holding the ids keeps them from being reused while recording. */
  readonly #references = new Map<object, TensorReference>();
  /** The dataIds whose values depend on no input. The step may read these values. */
  readonly #constants = new Set<object>();
  #executing = false;
  #refused: TrainyardError | null = null;

  constructor(backend: NodeBackend, inputs: readonly RecordedInput[]) {
    this.#backend = backend;
    for (const { name, dtype, tensor } of inputs) {
      this.nodes.push({ kind: "placeholder", name, dtype, shape: tensor.shape });
      this.#references.set(tensor.dataId, `${name}:0`);
      this.inputs.set(name, `${name}:0`);
    }
  }

  /** Wraps the backend's methods until the returned function is called. */
  attach(): () => void {
    const backend = this.#backend;
    const original = {
      single: backend.executeSingleOutput.bind(backend),
      multiple: backend.executeMultipleOutputs.bind(backend),
      create: backend.createOutputTensor.bind(backend),
      readSync: backend.readSync.bind(backend),
    };
    const run = <T>(op: string, call: () => T): T => this.#execute(op, call);
    backend.executeSingleOutput = (op, attributes, inputs) => {
      const output = run(op, () => original.single(op, attributes, inputs));
      this.#add(op, attributes, inputs, [output]);
      return output;
    };
    backend.executeMultipleOutputs = (op, attributes, inputs, count) => {
      const outputs = run(op, () => original.multiple(op, attributes, inputs, count));
      this.#add(op, attributes, inputs, outputs);
      return outputs;
    };
    backend.createOutputTensor = (metadata) => {
      if (!this.#executing) throw unrecorded();
      return original.create(metadata);
    };
    backend.readSync = (dataId) => {
      this.#refuseRead(dataId);
      return original.readSync(dataId);
    };
    return () => detach(backend);
  }

  finish(outputs: Readonly<Record<string, Tensor>>): void {
    // A refused `data()` only rejects its promise, so the step may have gone on.
    if (this.#refused !== null) throw this.#refused;
    for (const [name, tensor] of Object.entries(outputs)) this.outputs.set(name, this.#reference(tensor));
  }

  #execute<T>(op: string, call: () => T): T {
    refuseStatefulOp(op);
    this.#executing = true;
    try {
      return call();
    } finally {
      this.#executing = false;
    }
  }

  #add(op: string, attributes: readonly OpAttribute[], inputs: readonly Tensor[], outputs: Tensor[]): void {
    const name = `${op}_${this.nodes.length}`;
    const references = inputs.map((input) => this.#reference(input));
    const complete = [...attributes, ...missingAttributes(op, inputs, this.#backend)];
    const types = outputs.map(({ dataId, shape }) => ({
      dtype: this.#backend.tensorMap.get(dataId).dtype,
      shape,
    }));
    this.nodes.push({ kind: "op", name, op, attributes: complete, inputs: references, outputs: types });
    const isConstant = inputs.every((input) => this.#constants.has(input.dataId));
    for (const [index, output] of outputs.entries()) {
      this.#references.set(output.dataId, `${name}:${index}`);
      if (isConstant) this.#constants.add(output.dataId);
    }
  }

  #reference(tensor: Tensor): TensorReference {
    return this.#references.get(tensor.dataId) ?? this.#addConstant(tensor);
  }

  #addConstant(tensor: Tensor): TensorReference {
    const name = `Const_${this.nodes.length}`;
    this.nodes.push({
      kind: "constant",
      name,
      shape: tensor.shape,
      ...constantValues(this.#backend, tensor),
    });
    this.#references.set(tensor.dataId, `${name}:0`);
    this.#constants.add(tensor.dataId);
    return `${name}:0`;
  }

  #refuseRead(dataId: object): void {
    const reference = this.#references.get(dataId);
    if (reference === undefined || this.#constants.has(dataId)) return;
    this.#refused = new TrainyardError(
      "ENGINE",
      `the step can't be recorded: it reads the value of ${reference} (${this.#opOf(reference)}) while it is recorded, and the value would be frozen into the graph; compute with the tensor instead of its value`,
      { fields: { op: this.#opOf(reference) } },
    );
    throw this.#refused;
  }

  #opOf(reference: TensorReference): string {
    const node = this.nodes.find((candidate) => reference.startsWith(`${candidate.name}:`));
    return node?.kind === "op" ? `op ${node.op}` : "an input of the graph";
  }
}

const unrecorded = () =>
  new TrainyardError(
    "ENGINE",
    "the step can't be recorded: a tensor was made without executeSingleOutput or executeMultipleOutputs",
  );

/** Removes the wrappers. They are properties of the instance, so the prototype's methods apply again. */
function detach(backend: NodeBackend): void {
  for (const name of [
    "executeSingleOutput",
    "executeMultipleOutputs",
    "createOutputTensor",
    "readSync",
  ] as const) {
    delete (backend as Partial<NodeBackend>)[name];
  }
}
