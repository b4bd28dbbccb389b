/**
 * Functional models as Keras writes them: layers that name the layers they take. Owns the order of the layers,
 * which is the order of the flat vector and of the weights in Keras' HDF5 files.
 */
import type { LayerTopology } from "./layer-topology.js";

type Reference = readonly [layer: string, node: number, tensor: number];

export interface FunctionalTopology {
  readonly class_name: "Functional";
  readonly config: {
    readonly name: string;
    /** The input layer first, the output last. */
    readonly layers: readonly LayerTopology[];
    readonly input_layers: readonly Reference[];
    readonly output_layers: readonly Reference[];
  };
}

/** The input layer's name in our own functional topologies. */
const inputName = "input_1";

/** Layers in the order in which they are added; every layer is called once. */
export class LayerGraph {
  readonly #layers: LayerTopology[] = [];

  /** `shape`: [height, width, channels]. */
  constructor(shape: readonly number[]) {
    const config = {
      name: inputName,
      batch_input_shape: [null, ...shape],
      dtype: "float32",
      sparse: false,
    };
    this.#layers.push({ class_name: "InputLayer", config, name: inputName, inbound_nodes: [] });
  }

  get input(): string {
    return inputName;
  }

  /** Adds a layer that takes the outputs of these layers; returns its name. */
  add({ class_name, config }: LayerTopology, ...inputs: readonly string[]): string {
    const inbound_nodes = [inputs.map((name) => [name, 0, 0, {}] as const)];
    this.#layers.push({ class_name, config, name: config.name, inbound_nodes });
    return config.name;
  }

  /** Adds layers one after the other, the first on `input`; returns the last one's name. */
  chain(input: string, ...layers: readonly LayerTopology[]): string {
    return layers.reduce((previous, layer) => this.add(layer, previous), input);
  }

  /**
   * Layers are ordered as Keras orders `model.layers`: by their distance from the output, the farthest first, and
   * equally far ones as they were added (keras/src/ops/function.py, map_graph, where the branch that a merge
   * names first was added first).
   */
  topology(name: string, output: string): FunctionalTopology {
    const depths = this.#depths();
    const depth = (layer: LayerTopology) => depths.get(layer.config.name) ?? 0;
    return {
      class_name: "Functional",
      config: {
        name,
        layers: [...this.#layers].sort((a, b) => depth(b) - depth(a)),
        input_layers: [[inputName, 0, 0]],
        output_layers: [[output, 0, 0]],
      },
    };
  }

  /** Steps of the longest way from each layer to the output. */
  #depths(): Map<string, number> {
    const depths = new Map<string, number>();
    for (const { config, inbound_nodes = [] } of [...this.#layers].reverse()) {
      const below = (depths.get(config.name) ?? 0) + 1;
      for (const [input] of inbound_nodes.flat()) {
        depths.set(input, Math.max(depths.get(input) ?? 0, below));
      }
    }
    return depths;
  }
}
