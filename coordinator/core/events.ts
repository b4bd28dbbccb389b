/** All that can happen to a run, and all that the core can ask for. Both are plain values. */
import type { CoordinatorBody, WireFingerprint, WorkerBody } from "../../shared/grpc/control-messages.js";
import type { ModelLayout } from "../../shared/layout.js";
import type { TreeNode } from "../../shared/tree.js";
import type { OptimizerStep } from "../optimizers/registry.js";
import type { EpochRow } from "./epoch.js";
import type { Exclusion } from "./exclusion.js";
import type { Evaluation, Outcome, SavedState } from "./state.js";
import type { Grant, SliceReport } from "./work.js";

export interface HelloEvent {
  readonly tag: "hello";
  readonly worker: string;
  readonly host: string;
  readonly protocol: number;
  readonly version: string;
  readonly fingerprint: WireFingerprint | null;
}

export type CoreEvent =
  | HelloEvent
  /** A message on a welcomed worker's stream; generation as the worker wrote it. */
  | { readonly tag: "said"; readonly worker: string; readonly generation: number; readonly body: WorkerBody }
  /** The stream ended, whoever ended it. */
  | { readonly tag: "left"; readonly worker: string; readonly reason: string }
  | { readonly tag: "slicesUp"; readonly count: number }
  | { readonly tag: "sliceLoaded"; readonly slice: number }
  | {
      readonly tag: "sliceWhole";
      readonly slice: number;
      readonly step: number;
      readonly report: SliceReport;
    }
  | {
      readonly tag: "sliceCommitted";
      readonly slice: number;
      readonly step: number;
      readonly checksum: number;
    }
  /** A watched node's sum came from another worker as well: whose equal it, whose don't. */
  | {
      readonly tag: "sliceCompared";
      readonly slice: number;
      readonly step: number;
      readonly node: TreeNode;
      readonly worker: string;
      readonly agrees: readonly string[];
      readonly differs: readonly string[];
    }
  /** Asked for by `findMissingLanes`: lanes of which the slice has no gradient. */
  | {
      readonly tag: "sliceLacks";
      readonly slice: number;
      readonly step: number;
      readonly attempt: number;
      readonly lanes: readonly number[];
    }
  | { readonly tag: "checkpointWritten"; readonly checkpoint: string }
  | {
      readonly tag: "checkpointFailed";
      readonly checkpoint: string;
      readonly message: string;
      /** The store is away or full: it may be otherwise in a while. */
      readonly isOutage?: boolean;
    }
  /** The result could not be written, and is tried again. */
  | { readonly tag: "publishingDelayed"; readonly message: string }
  | { readonly tag: "published" }
  /** A person wants the run to end here. */
  | { readonly tag: "stop"; readonly reason: string }
  /** This process has to end; the run goes on with the next one. */
  | { readonly tag: "interrupt"; readonly reason: string }
  | { readonly tag: "fatal"; readonly message: string }
  | { readonly tag: "tick"; readonly nowMs: number };

/** One committed step, as the curve shows it. The weights' checksum joins the slices' own. */
export interface StepRow {
  readonly step: number;
  readonly epoch: number;
  /** Null for a skipped step. */
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly learningRate: number;
  /** Null for a skipped step. */
  readonly gradientNorm: number | null;
  readonly samples: number;
  readonly seconds: number;
  readonly status: "applied" | "skipped";
}

export type Effect =
  | { readonly tag: "send"; readonly worker: string; readonly body: CoordinatorBody }
  /** The worker is in the run: it gets the run's spec and the store's address. */
  | { readonly tag: "welcome"; readonly worker: string }
  /** The worker gets the addresses of all slices, and a ticket that admits it to them. */
  | { readonly tag: "nameSlices"; readonly worker: string }
  /** Ends the worker's stream after what was sent. */
  | { readonly tag: "disconnect"; readonly worker: string; readonly reason: string }
  | { readonly tag: "startSlices"; readonly layout: ModelLayout }
  /** The slices take a checkpoint's vectors as the weights version `step`. */
  | { readonly tag: "restore"; readonly checkpoint: string; readonly step: number }
  /**
   * Each slice forgets the partials that it has, also those of this step, and expects these lanes. What banned workers
   * send, or what is of another attempt at the step, is stale.
   */
  | {
      readonly tag: "beginStep";
      readonly step: number;
      readonly attempt: number;
      readonly present: readonly number[];
      readonly banned: readonly string[];
    }
  /** Told before the worker is asked: each slice takes from it what it grants, and nothing else. */
  | { readonly tag: "grant"; readonly worker: string; readonly grant: Grant }
  /** Each slice keeps what comes for this node, to compare it with what an audit sends. */
  | { readonly tag: "watch"; readonly step: number; readonly node: TreeNode }
  /** Every lane has a record, and slices are not whole: which lanes do they lack? */
  | { readonly tag: "findMissingLanes"; readonly step: number; readonly attempt: number }
  /** `exact`: the weights that follow are evaluated, so they go out as float32 on any wire. */
  | { readonly tag: "apply"; readonly step: number; readonly update: OptimizerStep; readonly exact: boolean }
  | { readonly tag: "skip"; readonly step: number; readonly exact: boolean }
  | {
      readonly tag: "checkpoint";
      readonly checkpoint: string;
      readonly reason: string;
      /** Its best checkpoint is never deleted by rotation. */
      readonly saved: SavedState;
    }
  | { readonly tag: "stepCommitted"; readonly row: StepRow; readonly checksums: readonly number[] }
  | {
      readonly tag: "epochEnded";
      readonly row: EpochRow;
      readonly evaluation: Evaluation | null;
      readonly isBest: boolean;
    }
  /** A wait exceeded its expectation; phase as the worker's heartbeat names it, or reduce. */
  | { readonly tag: "late"; readonly worker: string; readonly phase: string }
  | { readonly tag: "audited"; readonly result: "equal" | "different" | "unresolved" | "dropped" }
  | { readonly tag: "excluded"; readonly exclusions: readonly Exclusion[] }
  | { readonly tag: "publish"; readonly checkpoint: string; readonly exported: readonly string[] }
  | { readonly tag: "ended"; readonly outcome: Outcome }
  /** A message that had no effect, by reason: stale, duplicate, unknown, misplaced. */
  | { readonly tag: "dropped"; readonly worker: string; readonly reason: string }
  | {
      readonly tag: "log";
      readonly level: "info" | "warn" | "error";
      readonly message: string;
      readonly fields?: Readonly<Record<string, string | number | boolean>>;
    };
