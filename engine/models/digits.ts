/**
 * The model `digits`, a small one for handwritten digits: two blocks of 16 and 32 filters, and a dense layer of 128 units.
 * Its size is chosen for the demo: a few epochs take about a minute on two cores.
 */
import { classifier, convolutionBlock, type ModelLayers } from "./layer-configs.js";
import type { TopologySpec } from "./layer-topology.js";

/** The layers of `digits`. */
export const digitsLayers = (spec: TopologySpec): ModelLayers => ({
  layers: [
    ...convolutionBlock(1, 16, 5, spec),
    ...convolutionBlock(2, 32, 3, spec),
    ...classifier(128, spec),
  ],
  poolings: 2,
});
