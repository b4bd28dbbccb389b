/** Real slice servers on loopback in this process, as the reducer threads run them, and their endpoints. */

import type { Comparison } from "../../coordinator/reducers/audited-nodes.js";
import { SliceServer } from "../../coordinator/reducers/server.js";
import { ReducedSlice } from "../../coordinator/reducers/slice.js";
import { cutSlices } from "../../coordinator/reducers/slices.js";
import type { StepBeginning } from "../../coordinator/reducers/step-partials.js";
import type { Clock } from "../../shared/clock.js";
import type { SliceEndpoint } from "../../shared/grpc/control-messages.js";
import { Http2TensorServer } from "../../shared/grpc/tensor-server.js";
import type { Wire } from "../../shared/grpc/wire.js";
import type { ServerFiles } from "../../shared/security/tls-files.js";
import type { TreeNode } from "../../shared/tree.js";
import { ownedBy, vectorsOf } from "./slice-vectors.js";

export const identity = { run: "tensors", generation: 3, lanes: 4, momentVectors: 2, tolerance: 0 };

/** A step of Adam without bias correction: weights -= m * alpha / (sqrt(v) + epsilon). */
export const adamStep = {
  name: "adam",
  alpha: 1e-3,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
  divisor: 4,
} as const;

/** Who may open streams, by which certificate they are met, and what time it is. Default: everybody, in plain text. */
export interface ServerOptions {
  /** Default: the real clock. */
  readonly clock?: Clock;
  readonly ticketSecret?: Uint8Array;
  readonly tls?: ServerFiles | null;
}

export interface RunningSlice {
  readonly slice: ReducedSlice;
  readonly tensors: SliceServer;
  readonly server: Http2TensorServer;
  /** Non-ACCEPTED answers, in order. */
  readonly refused: string[];
  /** Steps whose root was reported whole. */
  readonly whole: number[];
  readonly compared: Comparison[];
}

export class SliceCluster {
  readonly slices: RunningSlice[] = [];
  endpoints: SliceEndpoint[] = [];

  static async start(
    parameterCount: number,
    reducers = 1,
    tolerance = 0,
    wire: Wire = "float32",
    { tls = null, clock, ...tickets }: ServerOptions = {},
  ): Promise<SliceCluster> {
    const cluster = new SliceCluster();
    for (const range of cutSlices(parameterCount, reducers)) {
      const slice = new ReducedSlice(range, { ...identity, tolerance, wire });
      const [refused, whole, compared]: [string[], number[], Comparison[]] = [[], [], []];
      const tensors = new SliceServer(
        slice,
        { ...identity, wire, ...tickets },
        {
          loaded: () => undefined,
          whole: (step) => whole.push(step),
          compared: (_step, comparison) => compared.push(comparison),
          traffic: () => undefined,
          refused: (reason) => refused.push(reason),
        },
        clock,
      );
      const server = new Http2TensorServer();
      const port = await tensors.listen(server, "127.0.0.1", 0, tls);
      cluster.slices.push({ slice, tensors, server, refused, whole, compared });
      cluster.endpoints.push({ ...range, port });
    }
    return cluster;
  }

  get first(): RunningSlice {
    return this.slices[0] as RunningSlice;
  }

  load(weights: Float32Array): void {
    for (const { slice } of this.slices) {
      slice.load(ownedBy(slice, weights.subarray(slice.range.begin, slice.range.end)));
    }
  }

  begin(step: number, present: readonly number[] = [0, 1, 2, 3], again: Partial<StepBeginning> = {}): void {
    for (const { tensors } of this.slices) {
      tensors.begin({ step, attempt: 0, present, banned: [], ...again });
    }
  }

  watch(step: number, node: TreeNode): void {
    for (const { slice } of this.slices) slice.watch(step, node);
  }

  apply(exact = false): void {
    for (const { slice, tensors } of this.slices) tensors.broadcast(slice.apply(adamStep), exact);
  }

  skip(): void {
    for (const { slice, tensors } of this.slices) tensors.broadcast(slice.skip(), false);
  }

  /** The weights as all slices hold them now. */
  get weights(): Float32Array {
    const snapshots = this.slices.map(({ slice }) => vectorsOf(slice).weights);
    const whole = new Float32Array(snapshots.reduce((sum, part) => sum + part.length, 0));
    this.slices.forEach(({ slice }, index) => {
      whole.set(snapshots[index] as Float32Array, slice.range.begin);
    });
    return whole;
  }

  close(): void {
    for (const { server } of this.slices) server.destroy();
  }
}
