/** A worker is gone. Others get its unfinished work within the same step, evaluation or task. */
import { remove } from "./membership.js";
import { lossToPhase } from "./phases/dispatch.js";
import type { Turn } from "./turn.js";

/** The worker's stream is ended from this side, and its work goes to others. */
export function cutOff(turn: Turn, worker: string, reason: string): void {
  turn.do({ tag: "disconnect", worker, reason });
  lose(turn, worker, reason);
}

export function lose(turn: Turn, worker: string, reason: string): void {
  if (!turn.state.workers.has(worker)) return;
  remove(turn, worker, reason);
  lossToPhase(turn, worker);
}
