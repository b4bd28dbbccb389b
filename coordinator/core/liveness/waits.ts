/**
 * Everything that a run waits for, derived from its state. Time acts on a run only through this list: when a wait
 * reaches its limit it fires, which moves work to others, a counter that has a maximum, or the phase.
 * docs/design/waits.md explains the limits.
 */
import { lastingWaitLogMs } from "../../../shared/lasting-waits.js";
import type { CoreState } from "../state.js";
import type { Turn } from "../turn.js";
import {
  blockDeadlines,
  preparations,
  reducerDeadlines,
  shareDeadlines,
  taskDeadlines,
} from "./deadlines.js";
import { heartbeats } from "./heartbeat.js";
import { lateBlocks, lateLanes, latePreparations, lateReducers, lateShares, lateTasks } from "./lateness.js";
import {
  auditAnswers,
  checkpointDeadlines,
  checkpointRetries,
  exportOutages,
  exportRetries,
  nextWorker,
  shellAnswers,
  timedCheckpoints,
  workersOutages,
} from "./retries.js";
import { isDue, type Wait, type WaitKind } from "./wait.js";

/** In the order in which they fire: workers that are cut off hold no work any more that others could help with. */
const kinds: readonly WaitKind[] = [
  heartbeats,
  preparations,
  shareDeadlines,
  blockDeadlines,
  taskDeadlines,
  latePreparations,
  lateShares,
  lateLanes,
  lateReducers,
  lateBlocks,
  lateTasks,
  reducerDeadlines,
  auditAnswers,
  workersOutages,
  exportOutages,
  exportRetries,
  checkpointDeadlines,
  checkpointRetries,
  timedCheckpoints,
  shellAnswers,
  nextWorker,
];

/** All that the run waits for. A run that has ended waits for nothing. */
export function waitsOf(state: CoreState): Wait[] {
  return state.phase.tag === "ended" ? [] : kinds.flatMap((kind) => kind.waits(state));
}

/** Fires the waits that have reached their limit. Each kind is looked at after what the former ones changed. */
export function fireDueWaits(turn: Turn): void {
  const { nowMs } = turn;
  for (const kind of kinds) {
    if (turn.isIn("ended")) return;
    const due = kind.waits(turn.state).filter((wait) => isDue(wait, nowMs, lastingWaitLogMs));
    if (due.length > 0) kind.fire(turn, due);
  }
}
