/** A worker is gone. Its unfinished work goes to others within the same step, block or task. */
import { dropAuditsOf } from "./audit.js";
import { assignExport } from "./ending.js";
import { reopenBlocks } from "./evaluation.js";
import { beginInitialising } from "./initialising.js";
import { reopenLanes } from "./lane-assignment.js";
import { remove } from "./membership.js";
import type { Turn } from "./turn.js";

export function lose(turn: Turn, worker: string, reason: string): void {
  if (!turn.state.workers.has(worker)) return;
  remove(turn, worker, reason);
  dropAuditsOf(turn, worker);
  reopenLanes(turn, worker);
  reopenBlocks(turn, worker);
  const { phase } = turn.state;
  if (phase.tag === "initialising" && phase.worker === worker) {
    turn.enter({ ...phase, worker: null });
    beginInitialising(turn);
  }
  if (phase.tag === "exporting" && phase.worker === worker) {
    turn.enter({ ...phase, worker: null });
    assignExport(turn);
  }
}
