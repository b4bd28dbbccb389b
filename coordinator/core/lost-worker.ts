/** A worker is gone. Others get its unfinished work within the same step, evaluation or task. */
import { remove } from "./membership.js";
import { lossToPhase } from "./phases/dispatch.js";
import type { Turn } from "./turn.js";

export function lose(turn: Turn, worker: string, reason: string): void {
  if (!turn.state.workers.has(worker)) return;
  remove(turn, worker, reason);
  lossToPhase(turn, worker);
}
