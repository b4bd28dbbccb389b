/** The calls between a worker's main thread and its engine thread. One at a time, in order. */
import type { EngineSpec, MicroBatch } from "../engine/engine.js";
import type { ComputeDevice } from "../engine/native/compute-device.js";
import type { ModelLayout } from "../shared/layout.js";
import type { LaneOutcome } from "./lane.js";
import type { LaneRule } from "./local-steps.js";

/** workerData of the engine thread. */
export interface EngineThreadOptions {
  readonly spec: EngineSpec & LaneRule;
  readonly intraOpThreads: number;
  readonly oneDnn: boolean;
  /** Default: the CPU. */
  readonly device?: ComputeDevice;
}

export interface BlockOutcome {
  /** float64, in sample order, regularisation included. */
  readonly lossSum: number;
  readonly predicted: number[];
}

/** Name -> [arguments, result]. */
export interface EngineCalls {
  open: [Record<string, never>, { layout: ModelLayout; tensorflow: string }];
  prepare: [{ gradients: number[]; evaluate: number[] }, null];
  initialise: [{ seed: number }, Float32Array];
  setWeights: [{ parameters: Float32Array; statistics: Float32Array }, null];
  /**
   * On the weights that were set last, which stay, whatever the lane does with its own. `over`: int32 [1] in shared
   * memory; once it is 1 the call ends before its next engine call, as INTERRUPTED.
   */
  lane: [{ batches: MicroBatch[]; over?: Int32Array }, LaneOutcome];
  block: [{ images: Uint8Array; labels: Int32Array }, BlockOutcome];
  tensorCount: [Record<string, never>, number];
}

export type EngineRequest = {
  [Name in keyof EngineCalls]: {
    readonly id: number;
    readonly name: Name;
    readonly input: EngineCalls[Name][0];
  };
}[keyof EngineCalls];

export type EngineReply =
  | { readonly id: number; readonly tag: "done"; readonly output: unknown; readonly seconds: number }
  | { readonly id: number; readonly tag: "failed"; readonly code: string; readonly message: string };
