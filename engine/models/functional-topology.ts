/**
 * Builds functional models in Keras' JSON, in which layers name the layers whose outputs they take. It decides the order
 * of the layers, which is the order of the flat vector and of the weights in Keras' HDF5 files.
 */
import type { LayerTopology } from "./layer-topology.js";

type Reference = readonly [layer: string, node: number, tensor: number];

/** A functional model in Keras' JSON. */
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

/** A functional model under construction. Every layer is called once. */
export class LayerGraph {
  readonly #layers: LayerTopology[] = [];

  /** @param shape of an input image: [height, width, channels]. */
  constructor(shape: readonly number[]) {
    const config = {
      name: inputName,
      batch_input_shape: [null, ...shape],
      dtype: "float32",
      sparse: false,
    };
    this.#layers.push({ class_name: "InputLayer", config, name: inputName, inbound_nodes: [] });
  }

  /** The name of the input layer. */
  get input(): string {
    return inputName;
  }

  /** Adds a layer that takes the outputs of the layers `inputs`; returns its name. */
  add({ class_name, config }: LayerTopology, ...inputs: readonly string[]): string {
    const inbound_nodes = [inputs.map((name) => [name, 0, 0, {}] as const)];
    this.#layers.push({ class_name, config, name: config.name, inbound_nodes });
    return config.name;
  }

  /** Adds layers in a chain that begins at the layer `input`; returns the last layer's name. */
  chain(input: string, ...layers: readonly LayerTopology[]): string {
    return layers.reduce((previous, layer) => this.add(layer, previous), input);
  }

  /**
   * The finished model. Layers are ordered as in Keras' `model.layers`: by their distance from the output, the farthest
   * first; layers of equal distance in the order in which they were added (keras/src/ops/function.py, map_graph, when the
   * branch that a merge names first was added first).
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

  /** The length of the longest path from each layer to the output. */
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
