/** What the coordinator's process and the bench say to each other, and what both know of the emulated run. */
import type { ModelLayout } from "../../../shared/layout.js";
import type { RunSpec } from "../../../shared/spec.js";

/** One cell of the bench. */
export interface Cell {
  /** As many lanes: each computes one. */
  readonly workers: number;
  /** Of the flat vector. */
  readonly parameters: number;
  readonly reducers: number;
  readonly wire: RunSpec["wire"];
  /** From the weights to the gradient. */
  readonly delayMs: number;
  /**
   * A worker that computes two lanes adds the second into the first. So each lane needs a copy where a worker may have
   * several; where each has one, the copy would only cost time.
   */
  readonly copiesGradients: boolean;
}

/** What the coordinator's process used between two marks. */
export interface Usage {
  readonly steps: number;
  /** Of each step, as the curve has them. */
  readonly stepSeconds: readonly number[];
  /** All threads, user and system. */
  readonly cpuSeconds: number;
  /** The longest that the main thread did not answer. */
  readonly stallMs: number;
  /** Of the process's life. */
  readonly peakBytes: number;
}

export type ToCoordinator = { readonly tag: "mark" } | { readonly tag: "report" };
export type FromCoordinator =
  | { readonly tag: "ready"; readonly address: string }
  | { readonly tag: "step"; readonly step: number }
  | ({ readonly tag: "usage" } & Usage);

/** Training samples: 200 steps to an epoch. */
export const samplesOf = ({ workers }: Cell) => 200 * workers;

/** Two tensors without batch norm. */
export function layoutOf(parameters: number): ModelLayout {
  const bias = 1_000;
  return {
    parameters: [
      { name: "dense/kernel", shape: [parameters - bias], offset: 0, size: parameters - bias },
      { name: "dense/bias", shape: [bias], offset: parameters - bias, size: bias },
    ],
    parameterCount: parameters,
    batchNorms: [],
    statisticsCount: 0,
  };
}
