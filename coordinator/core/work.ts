/**
 * Work that was handed out: lanes, blocks, shares and audits, each with the workers that hold it. Values only; phases and
 * workers in state.ts contain them.
 */
import type { TreeNode } from "../../shared/tree.js";
import type { StepMagnitudes } from "../optimizers/optimizer.js";

/** A lane's result in a step, as its worker recorded it. */
export interface LaneResult {
  readonly samples: number;
  readonly lossSum: number;
  readonly correct: number;
  readonly statistics: Float64Array;
  /** Milliseconds of computing, on the worker's own clock. */
  readonly computeMs: number;
}

/** A computation of a lane or block that is under way. Several at once: a late one is given to others too. */
export interface Holder {
  readonly worker: string;
  readonly sinceMs: number;
}

/** A worker could not compute a lane or block whose data or values are at fault, or the worker itself. */
export interface Refusal {
  readonly worker: string;
  readonly why: "not finite" | "damaged";
}

/** No worker holds the work. It leaves this state by being handed out. */
interface Open {
  readonly tag: "open";
  readonly refusals: readonly Refusal[];
}

/** Workers compute it. It leaves this state by a result, or by the loss of its last holder (back to open). */
interface Assigned {
  readonly tag: "assigned";
  readonly holders: readonly Holder[];
  readonly refusals: readonly Refusal[];
}

/** One lane within the step under way. */
export type LaneState =
  /** No samples in this step (the end of an epoch, or all excluded). */
  | { readonly tag: "absent" }
  | Open
  | Assigned
  /** Its record is here, and so its gradient is in every slice. Final for this attempt at the step. */
  | { readonly tag: "arrived"; readonly worker: string; readonly result: LaneResult }
  /** Not finite on two computations: the step will be skipped. Final for this attempt at the step. */
  | { readonly tag: "poisoned" };

/** A reducer's report on its slice once the root is complete (docs/design/two-phase-commit.md). */
export interface SliceReport {
  /** Sums of squares of the root per fixed block of the flat vector, float64. */
  readonly blockSums: Float64Array;
  /** The largest magnitudes in the slice: of the root, and of the weights and moments that the step starts from. */
  readonly largest: StepMagnitudes;
}

/** One block of the evaluation under way. */
export type BlockState =
  | Open
  | Assigned
  | { readonly tag: "done"; readonly lossSum: number; readonly predicted: readonly number[] };

/** A lane or a block. */
type Work = LaneState | BlockState;

export const refusalsOf = (work: Work | undefined): readonly Refusal[] =>
  work?.tag === "open" || work?.tag === "assigned" ? work.refusals : [];

export const isHeldBy = (work: Work | undefined, worker: string): boolean =>
  work?.tag === "assigned" && work.holders.some((holder) => holder.worker === worker);

/** Adds a holder to work that is open or assigned. */
export function heldAlso(work: Work | undefined, holder: Holder): Assigned {
  if (work?.tag === "open") return { tag: "assigned", holders: [holder], refusals: work.refusals };
  if (work?.tag === "assigned") return { ...work, holders: [...work.holders, holder] };
  throw new Error(`invariant broken: work that is ${work?.tag ?? "unknown"} was handed out`);
}

/** Removes a holder. The work is open again, unless other workers compute it too. Work that is not assigned stays as it is. */
export function releasedBy<T extends Work>(work: T, worker: string): T | Open | Assigned {
  if (work.tag !== "assigned") return work;
  const holders = work.holders.filter((holder) => holder.worker !== worker);
  return holders.length > 0 ? { ...work, holders } : { tag: "open", refusals: work.refusals };
}

/** Removes a holder that refused the work, and records the refusal. */
export function refusedBy<T extends Work>(work: T, refusal: Refusal): T | Open | Assigned {
  const released = releasedBy(work, refusal.worker);
  const refusals = [...refusalsOf(work), refusal];
  return released.tag === "assigned" ? { ...released, refusals } : { tag: "open", refusals };
}

/** An assignment of a step that its worker has not settled yet. Workers carry them out one after another. */
export interface Share {
  /** Number among the shares that its worker got since it joined, from 1. The worker names it when it is done. */
  readonly number: number;
  readonly step: number;
  readonly attempt: number;
  readonly kind: "gradients" | "audit";
  readonly lanes: readonly number[];
  readonly sinceMs: number;
  /** Lanes of the share whose records have arrived. */
  readonly recorded: number;
  /** Lanes that are computed, as the worker's heartbeats say. */
  readonly done: number;
  /** When a lane was computed or recorded last; null before the first one. */
  readonly progressMs: number | null;
  /** True when the worker reported damaged samples: lanes without a record are then no failure. */
  readonly isExcused: boolean;
  /** True when the share was logged as late. */
  readonly isLateLogged: boolean;
}

/** A sample that a worker could not read; excluded when a second one, or everybody, says so. */
export interface Doubt {
  readonly sample: number;
  readonly worker: string;
}

/** A node of the tree that a second worker computes as well. Left by a verdict, or when it would hold up the step. */
export interface Audit {
  readonly node: TreeNode;
  /** The worker whose sum is in the step. */
  readonly worker: string;
  readonly auditor: string;
  /** The worker that decides between two different sums; null while none is needed. */
  readonly third: string | null;
  readonly comparisons: readonly Comparison[];
  /** Workers that reported this audit as done. */
  readonly done: readonly string[];
  /** When the last of `done` reported, or when the audit began. */
  readonly sinceMs: number;
}

/** What a worker may send from now on. */
export type Grant =
  /** The worker may send the initial parameters; a worker that was asked before may not any more. */
  | { readonly kind: "INITIAL" }
  /** The worker may send sums of these lanes and no others. */
  | {
      readonly kind: "GRADIENT";
      readonly step: number;
      readonly attempt: number;
      readonly lanes: readonly number[];
    }
  /** The worker may send the sum of this node, to be compared and not added. */
  | { readonly kind: "AUDIT"; readonly step: number; readonly attempt: number; readonly node: TreeNode };

/** Lanes that were handed out, of which it is not decided yet whether they are audited. */
export interface Undrawn {
  readonly worker: string;
  readonly lanes: readonly number[];
}

/** Whether two workers' sums of a node are equal in one slice. */
export interface Comparison {
  readonly slice: number;
  readonly workers: readonly [string, string];
  readonly isEqual: boolean;
}

/** Placement of lanes on workers from step to step: each worker has a contiguous range, sized by its speed. */
export interface LanePlacement {
  /** Workers that were ready when the placement was made, in join order. */
  readonly workers: readonly string[];
  /** The worker of each lane, by lane. */
  readonly lanes: readonly string[];
  /** Steps in a row at whose beginning another division would have been much faster. */
  readonly unbalanced: number;
}
