/**
 * A recorded graph, loaded into TensorFlow and replayed as one call. It owns the native session and the
 * tensors of one call; values pass as typed arrays, never as tfjs tensors.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { asTrainyardError, invariant, TrainyardError } from "../../shared/errors.js";
import type { RecordedGraph } from "../recording/recorded-graph.js";
import { savedModelBytes, savedModelTag } from "../recording/saved-model.js";
import type { NativeBinding, TensorValues } from "../recording/tfjs-node-backend.js";
import type { NativeTensor } from "./native-tensor.js";

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
   * Runs the graph once. `feeds` name inputs (one that the graph does not use is left out) and stay the
   * caller's; `fetches` name outputs.
   * Returns copies of the outputs, in the order of `fetches`. Blocks the thread.
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

/** TensorFlow loads SavedModels from folders only: this one lives for the length of the call. */
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
