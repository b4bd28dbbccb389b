/** The calls from a worker's main thread to its engine thread. They are carried out one at a time, in order. */
import type { EngineSpec, MicroBatch } from "../engine/engine.js";
import type { ComputeDevice } from "../engine/native/compute-device.js";
import type { ModelLayout } from "../shared/layout.js";
import type { Draws } from "../shared/random.js";
import type { RunSpec } from "../shared/spec.js";
import type { LaneOutcome } from "./lane.js";

/** The settings of a run that decide how a lane is computed. */
export type LaneRule = Pick<RunSpec, "accumulation" | "localSteps">;

/** What the engine thread is started with (its workerData). */
export interface EngineThreadOptions {
  readonly spec: EngineSpec & LaneRule;
  readonly intraOpThreads: number;
  readonly oneDnn: boolean;
  /** Default: the CPU. */
  readonly device?: ComputeDevice;
}

/** The result of a validation block. */
export interface BlockOutcome {
  /** float64, in sample order, regularisation included. */
  readonly lossSum: number;
  readonly predicted: number[];
}

/** Every engine call by its name, as [arguments, result]. */
export interface EngineCalls {
  open: [Record<string, never>, { layout: ModelLayout; tensorflow: string }];
  prepare: [{ gradients: number[]; evaluate: number[] }, null];
  initialise: [{ seed: number; draws: Draws }, Float32Array];
  setWeights: [{ parameters: Float32Array; statistics: Float32Array }, null];
  /**
   * Computes a lane on the weights that were set last, which stay set. `over`: int32 [1] in shared memory; once it is 1
   * the call ends before its next engine call, as INTERRUPTED.
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
