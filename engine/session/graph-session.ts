/**
 * Loads a recorded graph into TensorFlow and runs it as a single call. Owns the native session and the tensors of a call;
 * values are passed as typed arrays, never as tfjs tensors.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asTrainyardError, invariant, TrainyardError } from "../../shared/errors.js";
import type { RecordedGraph } from "../recording/recorded-graph.js";
import { savedModelBytes, savedModelTag } from "../recording/saved-model.js";
import type { NativeBinding, TensorValues } from "../recording/tfjs-node-backend.js";
import type { NativeTensor } from "./native-tensor.js";

/** A TensorFlow session of one graph. The caller closes it. */
export class GraphSession {
  readonly #binding: NativeBinding;
  readonly #inputs: ReadonlyMap<string, string>;
  readonly #outputs: ReadonlyMap<string, string>;
  #session: number | null;

  /** Loads the graph. Throws ENGINE with TensorFlow's reason if it is refused. */
  constructor(binding: NativeBinding, graph: RecordedGraph) {
    this.#binding = binding;
    this.#inputs = graph.inputs;
    this.#outputs = graph.outputs;
    this.#session = load(binding, graph);
  }

  /**
   * Runs the graph once and returns copies of the outputs, in the order of `fetches`. Blocks the thread.
   * @param feeds values of inputs by name; those that the graph does not use are left out. The caller keeps owning them.
   * @param fetches names of outputs.
   */
  run(feeds: ReadonlyMap<string, NativeTensor>, fetches: readonly string[]): TensorValues[] {
    invariant(this.#session !== null, "a closed session is not run");
    const used = [...feeds].filter(([name]) => this.#inputs.has(name));
    const ids = used.map(([, tensor]) => tensor.id);
    const inputs = used.map(([name]) => named(this.#inputs, name));
    const outputs = fetches.map((name) => named(this.#outputs, name));
    try {
      const results = this.#binding.runSavedModel(this.#session, ids, inputs.join(","), outputs.join(","));
      return results.map(({ id }) => take(this.#binding, id));
    } catch (caught) {
      throw asTrainyardError(caught, "ENGINE");
    }
  }

  /** Frees the session. */
  close(): void {
    if (this.#session !== null) this.#binding.deleteSavedModel(this.#session);
    this.#session = null;
  }
}

function named(names: ReadonlyMap<string, string>, name: string): string {
  const reference = names.get(name);
  invariant(reference !== undefined, `the graph has a tensor called ${name}`);
  return reference;
}

function take(binding: NativeBinding, id: number): TensorValues {
  const values = binding.tensorDataSync(id);
  binding.deleteTensor(id);
  return values;
}

/** Loads a graph. TensorFlow loads SavedModels from folders only, so a folder exists for the length of the call. */
function load(binding: NativeBinding, graph: RecordedGraph): number {
  const bytes = savedModelBytes(graph);
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(tmpdir(), "trainyard-graph-"));
    writeFileSync(join(folder, "saved_model.pb"), bytes);
    return binding.loadSavedModel(folder, savedModelTag);
  } catch (caught) {
    const reason = caught instanceof Error ? caught.message : String(caught);
    throw new TrainyardError(
      "ENGINE",
      `TensorFlow could not load the recorded graph (${graph.nodes.length} nodes, through ${folder ?? tmpdir()}): ${reason}`,
      { cause: caught },
    );
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}
