/** What a wait is: something that the run needs from someone, with a limit and a consequence. */
import type { LastingWait } from "../../../shared/lasting-waits.js";
import type { CoreState } from "../state.js";
import type { Turn } from "../turn.js";

/** What happens when a wait reaches its limit. */
export type Consequence =
  | "cut the worker off"
  | "log it as late"
  | "give it to others"
  | "save at the next commit"
  | "count outages as failures"
  | "drop the audit"
  | "retry"
  | "fail the run"
  | "log that the run waits on";

/** Something that the run waits for. */
export interface Wait {
  readonly what:
    | "heartbeat"
    | "preparation"
    | "share"
    | "evaluation block"
    | "initial weights"
    | "export"
    | "slices"
    | "audit"
    | "checkpoint"
    | "the next checkpoint"
    | "the store"
    | "result"
    | "reducers"
    | "a free worker"
    | "the next worker";
  /** A worker's id, or the part of the system that answers. */
  readonly from: string;
  readonly sinceMs: number;
  /** A time, or the name of a wait that may last. */
  readonly until: number | LastingWait;
  readonly consequence: Consequence;
}

/** Waits of one kind: how they follow from the state, and what happens to those that have reached their limit. */
export interface WaitKind {
  readonly waits: (state: CoreState) => readonly Wait[];
  readonly fire: (turn: Turn, due: readonly Wait[]) => void;
}

/** A deadline may be reached exactly. A retry happens at its time. */
export function isDue({ until, consequence, sinceMs }: Wait, nowMs: number, lastingLogMs: number): boolean {
  if (typeof until === "string") return nowMs - sinceMs > lastingLogMs;
  return consequence === "retry" ? nowMs >= until : nowMs > until;
}
