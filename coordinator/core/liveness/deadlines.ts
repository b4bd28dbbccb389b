/** Waits that have come to their end: who is cut off, with the reason that names what did not come. */
import { limits } from "../../../shared/limits.js";
import { callsPerLane } from "../../../shared/spec.js";
import { median } from "../distribution.js";
import type { CoreState } from "../state.js";
import { missingSlices, reducers } from "./lateness.js";
import { isBusy, shareAgeMs } from "./speed.js";

/** A worker to cut off. */
export interface Overdue {
  readonly id: string;
  readonly reason: string;
}

export function overdue(state: CoreState): Overdue[] {
  return [...silentWorkers(state), ...overdueShares(state), ...overdueBlocks(state), ...overdueTask(state)];
}

/** Workers that were silent too long, or prepare for too long. */
function silentWorkers(state: CoreState): Overdue[] {
  const silent: Overdue[] = [];
  for (const worker of state.workers.values()) {
    const silentMs = state.nowMs - worker.heardMs;
    if (silentMs > limits.lostAfterMs) {
      silent.push({ id: worker.id, reason: `silent for ${(silentMs / 1000).toFixed(1)} s` });
    } else if (worker.tag === "preparing" && state.nowMs - worker.sinceMs > limits.prepareMs) {
      silent.push({ id: worker.id, reason: `not ready after ${limits.prepareMs / 1000} s` });
    }
  }
  return silent;
}

/** Also of a step that went on without it: a machine that takes so long for one share is of no use. */
function overdueShares(state: CoreState): Overdue[] {
  const deadlineMs = stepDeadlineMs(state.recentStepMs, callsPerLane(state.dimensions.spec));
  return [...state.workers.values()].flatMap((worker) => {
    const share = worker.shares[0];
    if (share === undefined || !isBusy(worker) || shareAgeMs(state, worker, share) <= deadlineMs) return [];
    const lane = share.lanes[0];
    const seconds = (deadlineMs / 1000).toFixed(1);
    return [{ id: worker.id, reason: `lane ${lane} of step ${share.step} is not there after ${seconds} s` }];
  });
}

/**
 * max(10 x median step, 10 s); before the first step half a minute for each engine call of a lane, while engines warm
 * up: who is cut off then never shows how long it takes.
 */
export function stepDeadlineMs(recentStepMs: readonly number[], calls = 1): number {
  const beforeMs = (3 * limits.stepDeadlineMinMs * calls) / limits.stepDeadlineFactor;
  const typicalMs = median(recentStepMs) ?? beforeMs;
  return Math.max(limits.stepDeadlineFactor * typicalMs, limits.stepDeadlineMinMs);
}

function overdueBlocks({ phase, nowMs }: CoreState): Overdue[] {
  if (phase.tag !== "evaluating") return [];
  const late = new Map<string, number>();
  phase.blocks.forEach((block, index) => {
    if (block.tag !== "assigned") return;
    for (const { worker, sinceMs } of block.holders) {
      if (nowMs - sinceMs > limits.evaluationDeadlineMs) late.set(worker, index);
    }
  });
  return [...late].map(([id, block]) => ({
    id,
    reason: `evaluation block ${block} is not there after ${limits.evaluationDeadlineMs / 1000} s`,
  }));
}

function overdueTask({ phase, nowMs }: CoreState): Overdue[] {
  if ((phase.tag !== "exporting" && phase.tag !== "initialising") || phase.worker === null) return [];
  if (nowMs - phase.sinceMs <= limits.exportMs) return [];
  return [{ id: phase.worker, reason: `${phase.tag} is not done after ${limits.exportMs / 1000} s` }];
}

/** Why the coordinator itself is broken: a reducer thread that hangs without dying. Null: it is not. */
export function hungReducer({ phase, nowMs, progress }: CoreState): string | null {
  if (phase.tag !== "training" && phase.tag !== "committing") return null;
  const sinceMs = phase.tag === "training" ? phase.arrivedMs : phase.sinceMs;
  if (sinceMs === null || nowMs - sinceMs <= limits.reduceMs) return null;
  const missing = missingSlices(phase);
  if (missing.length === 0) return null;
  return `${reducers(missing)} not done with step ${progress.step} after ${limits.reduceMs / 1000} s`;
}
