/**
 * ResNet-18 (He et al. 2015, table 1): a 7x7 convolution and a max-pool, four stages of two basic blocks with 64,
 * 128, 256 and 512 filters, the mean of each channel, one dense layer. Convolution, batch norm, relu, and the sum
 * before the second relu, as published; no biases before a batch norm. For images of 96x96x3 and two classes it has
 * 11,186,625 parameters, 11,177,025 of them trainable.
 */

import { type FunctionalTopology, LayerGraph } from "./functional-topology.js";
import {
  addition,
  averageClassifier,
  batchNormalization,
  convolutionLayer,
  maxPooling,
  relu,
} from "./layer-configs.js";
import type { LayerTopology, TopologySpec } from "./layer-topology.js";

const stages = [64, 128, 256, 512] as const;

/** The topology of `resnet-18`. */
export function resNet18(spec: TopologySpec): FunctionalTopology {
  const { height, width, channels } = spec.image;
  const momentum = spec.model.batchNormMomentum;
  const graph = new LayerGraph([height, width, channels]);
  let output = graph.chain(
    graph.input,
    convolutionLayer("stem_conv", { filters: 64, kernelSize: 7, stride: 2 }),
    batchNormalization("stem_bn", momentum),
    relu("stem_relu"),
    maxPooling("stem_pool", { size: 3, padding: "same" }),
  );
  for (const [stage, filters] of stages.entries()) {
    for (const block of [1, 2]) {
      const name = `stage${stage + 1}_block${block}`;
      // The first stage's sides were halved by the max-pool.
      const stride = block === 1 && stage > 0 ? 2 : 1;
      output = basicBlock(graph, output, { name, filters, stride, momentum });
    }
  }
  return graph.topology(spec.model.name, graph.chain(output, ...averageClassifier(spec)));
}

interface BasicBlock {
  readonly name: string;
  readonly filters: number;
  readonly stride: number;
  readonly momentum: number;
}

/** Adds a basic block: two 3x3 convolutions beside the identity, or beside a 1x1 convolution when sizes change (option B). */
function basicBlock(graph: LayerGraph, input: string, { name, filters, stride, momentum }: BasicBlock) {
  const convolved = (part: string, kernelSize: number, by: number): LayerTopology[] => [
    convolutionLayer(`${name}_${part}_conv`, { filters, kernelSize, stride: by }),
    batchNormalization(`${name}_${part}_bn`, momentum),
  ];
  const first = graph.chain(input, ...convolved("1", 3, stride), relu(`${name}_1_relu`));
  const second = graph.chain(first, ...convolved("2", 3, 1));
  const shortcut = stride === 1 ? input : graph.chain(input, ...convolved("0", 1, stride));
  return graph.chain(graph.add(addition(`${name}_add`), second, shortcut), relu(`${name}_out`));
}
