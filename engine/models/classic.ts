/**
 * The model `classic`: three blocks of 32, 64 and 128 filters, and a dense layer of 128 units. For images of 64x64x3 and
 * two classes it has 1,142,977 parameters, 1,142,529 of them trainable.
 */
import { classifier, convolutionBlock, type ModelLayers } from "./layer-configs.js";
import type { TopologySpec } from "./layer-topology.js";

/** The layers of `classic`. */
export const classicLayers = (spec: TopologySpec): ModelLayers => ({
  layers: [
    ...convolutionBlock(1, 32, 3, spec),
    ...convolutionBlock(2, 64, 3, spec),
    ...convolutionBlock(3, 128, 3, spec),
    ...classifier(128, spec),
  ],
  poolings: 3,
});
