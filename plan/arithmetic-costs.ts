/** The arithmetic on vectors by itself, as workers and reducers do it: seconds per parameter. */

import { applyOptimizerStep } from "../coordinator/optimizers/registry.js";
import { crc32c } from "../shared/crc32c.js";
import { bytesOf } from "../shared/grpc/numbers.js";
import type { Wire } from "../shared/grpc/wire.js";
import { SimdVectors } from "../shared/kernels/simd.js";
import { arithmeticOf, type TreeArithmetic, TreeSum } from "../shared/tree-sum.js";
import { measuredMomentVectors, measuredStep } from "./measured-optimizer.js";
import { type Spread, spreadOf } from "./spread.js";

export interface Arithmetic {
  /** Adding two lanes along the tree: on a worker, and on a reducer. */
  readonly workerAdd: Spread;
  readonly add: Spread;
  /** The root's norm and finiteness. */
  readonly report: Spread;
  /** The optimizer's update and the weights' checksum. */
  readonly apply: Spread;
}

const repetitions = 7;

export function measureArithmetic(parameters: number, wire: Wire): Arithmetic {
  const vectors = new SimdVectors(parameters);
  const { kernels } = vectors;
  const release = (vector: Float32Array) => vectors.release(vector);
  const vector = () => vectors.allocate().fill(1e-3);
  const add = addingSeconds(vector, arithmeticOf(wire, kernels, release));
  const [weights, root] = [vector(), vector()];
  const moments = Array.from({ length: measuredMomentVectors }, vector);
  const step = measuredStep(1);
  const perParameter = (call: () => void) => spreadOf(secondsOf(call).map((seconds) => seconds / parameters));
  return {
    workerAdd: addingSeconds(() => new Float32Array(parameters).fill(1e-3), arithmeticOf(wire)),
    add,
    report: perParameter(() => kernels.blockSumsOfSquares(root)),
    apply: perParameter(() => {
      applyOptimizerStep(kernels, { weights, moments }, root, step);
      crc32c(bytesOf(weights));
    }),
  };
}

function secondsOf(call: () => void): number[] {
  return Array.from({ length: repetitions }, () => {
    const startedMs = performance.now();
    call();
    return (performance.now() - startedMs) / 1000;
  });
}

function addingSeconds(allocate: () => Float32Array, arithmetic: TreeArithmetic): Spread {
  const times = Array.from({ length: repetitions }, () => {
    const sum = new TreeSum(2, new Set([0, 1]), arithmetic);
    const [left, right] = [allocate(), allocate()];
    sum.add({ begin: 0, end: 1 }, left);
    const startedMs = performance.now();
    sum.add({ begin: 1, end: 2 }, right);
    const seconds = (performance.now() - startedMs) / 1000 / left.length;
    if (sum.root !== undefined) arithmetic.release(sum.root);
    return seconds;
  });
  return spreadOf(times);
}
