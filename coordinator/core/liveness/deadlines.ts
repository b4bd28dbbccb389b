/** Deadlines: a worker that does not finish what it was given is cut off; a reducer that hangs fails the run. */
import { limits } from "../../../shared/limits.js";
import { callsPerLane } from "../../../shared/spec.js";
import { median } from "../distribution.js";
import { cutOff } from "../lost-worker.js";
import { end } from "../phases/ended.js";
import type { CoreState } from "../state.js";
import type { Turn } from "../turn.js";
import { missingSlices, reducers } from "./lateness.js";
import { isBusy } from "./speed.js";
import type { Wait, WaitKind } from "./wait.js";

const cut = (what: Wait["what"], from: string, sinceMs: number, afterMs: number): Wait => ({
  what,
  from,
  sinceMs,
  until: sinceMs + afterMs,
  consequence: "cut the worker off",
});

/** Workers that open their data and engine. */
export const preparations: WaitKind = {
  waits: ({ workers }) =>
    [...workers.values()]
      .filter(({ tag }) => tag === "preparing")
      .map(({ id, sinceMs }) => cut("preparation", id, sinceMs, limits.prepareMs)),
  fire: (turn, due) => {
    for (const { from } of due) cutOff(turn, from, `not ready after ${limits.prepareMs / 1000} s`);
  },
};

const deadlineOf = ({ measured: { recentStepMs }, run: { dimensions } }: CoreState) =>
  stepDeadlineMs(recentStepMs, callsPerLane(dimensions.spec));

/** Each worker's oldest share, also of a step that went on without it: so slow a machine is of no use. */
export const shareDeadlines: WaitKind = {
  waits: (state) => {
    const deadlineMs = deadlineOf(state);
    return [...state.workers.values()].flatMap((worker) => {
      const share = worker.shares[0];
      if (share === undefined || !isBusy(worker)) return [];
      return [cut("share", worker.id, Math.max(share.sinceMs, worker.settledMs), deadlineMs)];
    });
  },
  fire: (turn, due) => {
    const seconds = (deadlineOf(turn.state) / 1000).toFixed(1);
    for (const { from } of due) {
      const share = turn.state.workers.get(from)?.shares[0];
      if (share === undefined) continue;
      cutOff(turn, from, `lane ${share.lanes[0]} of step ${share.step} is not there after ${seconds} s`);
    }
  },
};

/**
 * max(10 x median step, 10 s). Before the first step it is half a minute for each engine call of a lane, while engines
 * warm up: a worker that is cut off then never shows how long a lane takes.
 */
export function stepDeadlineMs(recentStepMs: readonly number[], calls = 1): number {
  const beforeMs = (3 * limits.stepDeadlineMinMs * calls) / limits.stepDeadlineFactor;
  const typicalMs = median(recentStepMs) ?? beforeMs;
  return Math.max(limits.stepDeadlineFactor * typicalMs, limits.stepDeadlineMinMs);
}

/** Blocks of the validation split that workers predict. */
export const blockDeadlines: WaitKind = {
  waits: ({ phase }) =>
    phase.tag !== "evaluating"
      ? []
      : phase.blocks.flatMap((block) =>
          block.tag !== "assigned"
            ? []
            : block.holders.map(({ worker, sinceMs }) =>
                cut("evaluation block", worker, sinceMs, limits.evaluationDeadlineMs),
              ),
        ),
  fire: (turn, due) => {
    const late = new Map(due.map(({ from }) => [from, lastBlockOf(turn.state, from)]));
    const seconds = limits.evaluationDeadlineMs / 1000;
    for (const [id, block] of late)
      cutOff(turn, id, `evaluation block ${block} is not there after ${seconds} s`);
  },
};

function lastBlockOf({ phase, clock: { nowMs } }: CoreState, id: string): number {
  if (phase.tag !== "evaluating") return -1;
  return phase.blocks.findLastIndex(
    (block) =>
      block.tag === "assigned" &&
      block.holders.some(
        ({ worker, sinceMs }) => worker === id && nowMs - sinceMs > limits.evaluationDeadlineMs,
      ),
  );
}

/** The one worker that builds the first weights, or writes the export. */
export const taskDeadlines: WaitKind = {
  waits: ({ phase }) => {
    if ((phase.tag !== "exporting" && phase.tag !== "initialising") || phase.worker === null) return [];
    const what = phase.tag === "exporting" ? "export" : "initial weights";
    return [cut(what, phase.worker, phase.sinceMs, limits.exportMs)];
  },
  fire: (turn, due) => {
    const { tag } = turn.state.phase;
    for (const { from } of due) cutOff(turn, from, `${tag} is not done after ${limits.exportMs / 1000} s`);
  },
};

/** Reducers that have every lane of the step, or the decision on it. */
export const reducerDeadlines: WaitKind = {
  waits: ({ phase }) => {
    if (phase.tag !== "training" && phase.tag !== "committing") return [];
    const sinceMs = phase.tag === "training" ? phase.arrivedMs : phase.sinceMs;
    if (sinceMs === null || missingSlices(phase).length === 0) return [];
    const until = sinceMs + limits.reduceMs;
    return [{ what: "slices", from: "reducers", sinceMs, until, consequence: "fail the run" }];
  },
  fire: failHungReducers,
};

/** A reducer thread hangs without dying: this coordinator is broken. */
function failHungReducers(turn: Turn): void {
  const { phase, progress } = turn.state;
  const missing = reducers(missingSlices(phase));
  const reason = `${missing} not done with step ${progress.step} after ${limits.reduceMs / 1000} s`;
  end(turn, { tag: "failed", reason });
}
