/** What the processes of the soak bench say to each other, and what all of them know of its runs. */
import type { Cell } from "../emulated/protocol.js";

/** The size of a soak. */
export interface SoakPlan {
  readonly runs: number;
  /** Of each run. */
  readonly steps: number;
  /** Workers of the fleet, a few thousand parameters each. */
  readonly cell: Cell;
  /** A worker leaves and comes back this often. */
  readonly leaveMs: number;
  /** The folder of the store. */
  readonly folder: string;
}

/** What the coordinator's process uses, since the last time that it was asked. */
export interface SoakUsage {
  /** Committed steps of all runs, since the beginning. */
  readonly committed: number;
  /** After a garbage collection. */
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Buffers outside the heap. */
  readonly externalBytes: number;
  readonly descriptors: number;
  /** Of the main thread: the longest and the 99th percentile that it did not answer. */
  readonly stallMs: number;
  readonly stallMs99: number;
  readonly checkpoints: number;
  /** Mean of those checkpoints; NaN when there was none. */
  readonly checkpointMs: number;
}

export type ToCoordinator = { readonly tag: "progress" } | { readonly tag: "usage" };
/** Each but the first answers a question. */
export type FromCoordinator =
  | { readonly tag: "ready"; readonly address: string; readonly http: string }
  | { readonly tag: "progress"; readonly committed: number; readonly isQueueEmpty: boolean }
  | ({ readonly tag: "usage" } & SoakUsage);
