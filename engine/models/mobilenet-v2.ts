/**
 * MobileNetV2 (Sandler et al. 2018, table 2, width 1): inverted residuals, each a 1x1 convolution that widens, a 3x3
 * depthwise convolution, and a 1x1 convolution that narrows without activation; relu6, batch norm everywhere. For images
 * of 96x96x3 and two classes it has 2,259,265 parameters, 2,225,153 of them trainable.
 */

import { type FunctionalTopology, LayerGraph } from "./functional-topology.js";
import {
  addition,
  averageClassifier,
  batchNormalization,
  convolutionLayer,
  depthwiseConvolution,
  relu,
} from "./layer-configs.js";
import type { LayerTopology, TopologySpec } from "./layer-topology.js";

/** The stages: expansion, output channels, number of blocks, stride of the first block. */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const stemFilters = 32;
const headFilters = 1280;

/** The topology of `mobilenet-v2`. */
export function mobileNetV2(spec: TopologySpec): FunctionalTopology {
  const { height, width, channels } = spec.image;
  const momentum = spec.model.batchNormMomentum;
  const graph = new LayerGraph([height, width, channels]);
  let output = graph.chain(
    graph.input,
    ...convolved("stem", { filters: stemFilters, kernelSize: 3, stride: 2 }, momentum),
  );
  let inputs: number = stemFilters;
  let block = 0;
  for (const [expansion, filters, blocks, firstStride] of stages) {
    for (let index = 0; index < blocks; index += 1) {
      block += 1;
      const stride = index === 0 ? firstStride : 1;
      output = invertedResidual(graph, output, {
        name: `block${block}`,
        inputs,
        expansion,
        filters,
        stride,
        momentum,
      });
      inputs = filters;
    }
  }
  const head = convolved("head", { filters: headFilters, kernelSize: 1, stride: 1 }, momentum);
  return graph.topology(spec.model.name, graph.chain(output, ...head, ...averageClassifier(spec)));
}

/** A convolution followed by batch norm and relu6. */
const convolved = (
  name: string,
  options: { filters: number; kernelSize: number; stride: number },
  momentum: number,
): LayerTopology[] => [
  convolutionLayer(`${name}_conv`, options),
  batchNormalization(`${name}_bn`, momentum),
  relu(`${name}_relu`, 6),
];

interface InvertedResidual {
  readonly name: string;
  readonly inputs: number;
  readonly expansion: number;
  readonly filters: number;
  readonly stride: number;
  readonly momentum: number;
}

/** Adds an inverted residual; its output is added to its input when their sizes are equal. Returns the last layer's name. */
function invertedResidual(
  graph: LayerGraph,
  input: string,
  { name, inputs, expansion, filters, stride, momentum }: InvertedResidual,
): string {
  const widened = { filters: inputs * expansion, kernelSize: 1, stride: 1 };
  const output = graph.chain(
    input,
    ...(expansion === 1 ? [] : convolved(`${name}_expand`, widened, momentum)),
    depthwiseConvolution(`${name}_depthwise`, stride),
    batchNormalization(`${name}_depthwise_bn`, momentum),
    relu(`${name}_depthwise_relu`, 6),
    convolutionLayer(`${name}_project_conv`, { filters, kernelSize: 1 }),
    batchNormalization(`${name}_project_bn`, momentum),
  );
  if (stride !== 1 || inputs !== filters) return output;
  return graph.add(addition(`${name}_add`), output, input);
}
