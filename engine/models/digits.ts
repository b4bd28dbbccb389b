/**
 * A small net for handwritten digits: two blocks of 16 and 32 filters, a dense layer of 128.
 * Its widths are chosen for the demo: a few epochs on two cores in about a minute.
 */
import { classifier, convolutionBlock, type ModelLayers } from "./layer-configs.js";
import type { TopologySpec } from "./layer-topology.js";

export const digitsLayers = (spec: TopologySpec): ModelLayers => ({
  layers: [
    ...convolutionBlock(1, 16, 5, spec),
    ...convolutionBlock(2, 32, 3, spec),
    ...classifier(128, spec),
  ],
  poolings: 2,
});
