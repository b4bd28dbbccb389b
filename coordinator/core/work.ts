/**
 * Work that is out: lanes, blocks, shares and audits, each with who has it. Values only; phases and workers in
 * state.ts hold them.
 */
import type { TreeNode } from "../../shared/tree.js";

/** A lane's result in a step, as its worker recorded it. */
export interface LaneResult {
  readonly samples: number;
  readonly lossSum: number;
  readonly correct: number;
  readonly statistics: Float64Array;
  /** On the worker's own clock. */
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

/** Nobody has it. Left by handing it out. */
interface Open {
  readonly tag: "open";
  readonly refusals: readonly Refusal[];
}

/** Workers compute it, the first of them first. Left by a result, or by the loss of the last holder (back to open). */
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

/** What a reducer says of its slice once its root is there (DESIGN 5.4 a). */
export interface SliceReport {
  readonly finite: boolean;
  /** Sums of squares of the root per fixed block of the flat vector, float64. */
  readonly blockSums: Float64Array;
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

/** The holder has it from now on, beside those who have it already. */
export function heldAlso(work: Work | undefined, holder: Holder): Assigned {
  if (work?.tag === "open") return { tag: "assigned", holders: [holder], refusals: work.refusals };
  if (work?.tag === "assigned") return { ...work, holders: [...work.holders, holder] };
  throw new Error(`invariant broken: work that is ${work?.tag ?? "unknown"} was handed out`);
}

/** Without this holder: open, unless others compute it as well. What is not out stays as it is. */
export function releasedBy<T extends Work>(work: T, worker: string): T | Open | Assigned {
  if (work.tag !== "assigned") return work;
  const holders = work.holders.filter((holder) => holder.worker !== worker);
  return holders.length > 0 ? { ...work, holders } : { tag: "open", refusals: work.refusals };
}

/** Given back with a refusal. */
export function refusedBy<T extends Work>(work: T, refusal: Refusal): T | Open | Assigned {
  const released = releasedBy(work, refusal.worker);
  const refusals = [...refusalsOf(work), refusal];
  return released.tag === "assigned" ? { ...released, refusals } : { tag: "open", refusals };
}

/** An assignment of a step that its worker has not settled yet. Workers carry them out one after another. */
export interface Share {
  readonly step: number;
  readonly attempt: number;
  readonly kind: "gradients" | "audit";
  readonly lanes: readonly number[];
  readonly sinceMs: number;
  /** Lanes of it whose records came. */
  readonly recorded: number;
  /** It reported damage: lanes without a record are no failure. */
  readonly isExcused: boolean;
  /** Its lateness was told. */
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
  /** Whose sum is in the step. */
  readonly worker: string;
  readonly auditor: string;
  /** Decides between two that differ. */
  readonly third: string | null;
  readonly comparisons: readonly Comparison[];
  /** Those who said that they are through. */
  readonly done: readonly string[];
  /** When the last of them said so. */
  readonly sinceMs: number;
}

/** What a worker may send from now on. */
export type Grant =
  /** The initial parameters. Whoever was asked before may no more. */
  | { readonly kind: "INITIAL" }
  /** Sums of these lanes and no others. */
  | {
      readonly kind: "GRADIENT";
      readonly step: number;
      readonly attempt: number;
      readonly lanes: readonly number[];
    }
  /** This node's sum, to be compared. */
  | { readonly kind: "AUDIT"; readonly step: number; readonly attempt: number; readonly node: TreeNode };

/** Lanes that were handed out, of which it is not decided yet whether they are audited. */
export interface Undrawn {
  readonly worker: string;
  readonly lanes: readonly number[];
}

/** Of one slice: whether two workers' sums are equal. */
export interface Comparison {
  readonly slice: number;
  readonly workers: readonly [string, string];
  readonly isEqual: boolean;
}

/** Whose lanes are whose from step to step: each worker gets a contiguous range by its speed. */
export interface LanePlacement {
  /** Ready workers when it was drawn up, in join order. */
  readonly workers: readonly string[];
  /** By lane. */
  readonly lanes: readonly string[];
  /** Steps in a row at whose beginning another division would have been much faster. */
  readonly unbalanced: number;
}
