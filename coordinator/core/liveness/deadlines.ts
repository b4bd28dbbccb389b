/**
 * Deadlines: a worker that does not get on with what it was given is cut off, and others get its work. A deadline grows
 * with the work, with the progress that heartbeats report, and with every cut of the same work. After `limits.cutsMax`
 * cuts the run fails and names what it could not do (docs/design/waits.md).
 */
import { limits } from "../../../shared/limits.js";
import { callsPerLane } from "../../../shared/spec.js";
import { median } from "../distribution.js";
import { cutOff } from "../lost-worker.js";
import { end } from "../phases/ended.js";
import type { CoreState, WorkerState } from "../state.js";
import type { Turn } from "../turn.js";
import { isHeldBy, type Share } from "../work.js";
import { missingSlices, reducers } from "./lateness.js";
import { laneMsOf, typicalLaneMs } from "./speed.js";
import type { Wait, WaitKind } from "./wait.js";

const cut = (what: Wait["what"], from: string, sinceMs: number, until: number): Wait => ({
  what,
  from,
  sinceMs,
  until,
  consequence: "cut the worker off",
});

const secondsText = (ms: number) => (ms / 1000).toFixed(ms < 10_000 ? 1 : 0);

/** Every cut of the same work doubles its deadline. */
const doubled = (ms: number, cuts: number) => ms * 2 ** Math.min(cuts, limits.cutsMax);

const mostOf = (cuts: readonly number[], at: readonly number[]) =>
  at.reduce((most, index) => Math.max(most, cuts[index] ?? 0), 0);

const countedAt = (cuts: readonly number[], at: readonly number[]) =>
  cuts.map((count, index) => (at.includes(index) ? count + 1 : count));

/** Milliseconds in which the model's weights are sent, where nothing was measured. */
const transferMs = ({ model: { layout } }: CoreState) =>
  (1000 * 4 * (layout?.parameterCount ?? 0)) / limits.transferBytesPerSecond;

/** Fires the deadlines that are due. Each is looked at again: a cut doubles the deadline of others with the same work. */
function cutDue(turn: Turn, kind: WaitKind, due: readonly Wait[], act: (wait: Wait) => void): void {
  for (const { from } of due) {
    const wait = kind.waits(turn.state).find((one) => one.from === from);
    if (wait !== undefined && typeof wait.until === "number" && turn.nowMs > wait.until) act(wait);
  }
}

/** Fails the run when the same work was cut off too often. Returns false while there is another try. */
function failAfterCuts(turn: Turn, cuts: number, what: string, wait: Wait): boolean {
  if (cuts < limits.cutsMax) return false;
  const seconds = secondsText(turn.nowMs - wait.sinceMs);
  const reason = `no worker got done with ${what}: ${cuts} were cut off, at last ${wait.from} after ${seconds} s without progress. Look at the log of that worker, or give workers less at a time (--batch-size, --lanes)`;
  end(turn, { tag: "failed", reason });
  return true;
}

/** Workers that open their data and engine. */
export const preparations: WaitKind = {
  waits: ({ workers, membership: { preparationCuts } }) =>
    [...workers.values()]
      .filter(({ tag }) => tag === "preparing")
      .map(({ id, sinceMs }) =>
        cut("preparation", id, sinceMs, sinceMs + doubled(limits.prepareMs, preparationCuts)),
      ),
  fire: (turn, due) => cutDue(turn, preparations, due, (wait) => cutPreparation(turn, wait)),
};

function cutPreparation(turn: Turn, wait: Wait): void {
  const cuts = turn.state.membership.preparationCuts + 1;
  turn.change("membership", { preparationCuts: Math.min(cuts, limits.cutsMax) });
  cutOff(turn, wait.from, `not ready after ${secondsText(turn.nowMs - wait.sinceMs)} s`);
  if (turn.ready.length === 0) failAfterCuts(turn, cuts, "its preparation", wait);
}

/** Each worker's oldest share, also of a step that went on without it: so slow a machine is of no use. */
export const shareDeadlines: WaitKind = {
  waits: (state) =>
    [...state.workers.values()].flatMap((worker) => {
      const share = worker.shares[0];
      return share === undefined ? [] : [shareWait(state, worker, share)];
    }),
  fire: (turn, due) => cutDue(turn, shareDeadlines, due, (wait) => cutShare(turn, wait)),
};

/**
 * The whole share has ten times what its lanes usually take this worker. Progress extends that by ten times the next
 * lane's time only. While nothing is measured, each lane has a generous start value.
 */
function shareWait(state: CoreState, worker: WorkerState, share: Share): Wait {
  const beganMs = Math.max(share.sinceMs, worker.settledMs);
  const progressMs = Math.max(beganMs, share.progressMs ?? beganMs);
  const seenMs = share.done > 0 ? (progressMs - beganMs) / share.done : null;
  const knownMs = laneMsOf(worker) ?? typicalLaneMs(state);
  const firstMs = limits.firstCallMs * callsPerLane(state.run.dimensions.spec);
  const allowed = (lanes: number) => {
    if (knownMs === null && seenMs === null) return firstMs + transferMs(state);
    const laneMs = Math.max(knownMs ?? 0, seenMs ?? 0);
    const ownMs = Math.max(limits.stepDeadlineMinMs, limits.stepDeadlineFactor * laneMs * lanes);
    return knownMs === null ? Math.max(ownMs, firstMs) : ownMs;
  };
  const cuts = isOfThisStep(state, share) ? cutsOf(state, share.lanes) : 0;
  const whole = beganMs + doubled(allowed(Math.max(1, share.lanes.length)), cuts);
  return cut("share", worker.id, progressMs, Math.max(whole, progressMs + doubled(allowed(1), cuts)));
}

const isOfThisStep = ({ phase, progress }: CoreState, { step, attempt }: Share) =>
  phase.tag === "training" && step === progress.step && attempt === phase.attempt;

const cutsOf = ({ phase }: CoreState, lanes: readonly number[]) =>
  phase.tag === "training" ? mostOf(phase.cuts, lanes) : 0;

function cutShare(turn: Turn, wait: Wait): void {
  const worker = turn.state.workers.get(wait.from);
  const share = worker?.shares[0];
  if (worker === undefined || share === undefined) return;
  const seconds = secondsText(turn.nowMs - wait.sinceMs);
  const left = unfinishedOf(turn.state, worker, share);
  if (left.length > 0) {
    turn.update("training", { cuts: countedAt(turn.in("training").cuts, left) });
    const lane = `lane ${left[0]} of step ${share.step}`;
    if (failAfterCuts(turn, cutsOf(turn.state, left), lane, wait)) return;
  }
  const of = `${share.kind === "audit" ? "the audit of " : ""}lane ${left[0] ?? share.lanes[0]} of step ${share.step}`;
  cutOff(turn, wait.from, `${of} made no progress for ${seconds} s`);
}

/** Lanes of the share that the run still waits for. */
function unfinishedOf(state: CoreState, worker: WorkerState, share: Share): readonly number[] {
  const { phase } = state;
  if (phase.tag !== "training" || !isOfThisStep(state, share)) return [];
  if (share.kind === "audit") return [];
  return share.lanes.filter((lane) => isHeldBy(phase.lanes[lane], worker.id));
}

/** The deadline of a step whose lanes take as long as those of the last steps: what the drill measures outages by. */
export function stepDeadlineMs(recentStepMs: readonly number[]): number {
  return Math.max(limits.stepDeadlineFactor * (median(recentStepMs) ?? 0), limits.stepDeadlineMinMs);
}

/** The blocks of the validation split that a worker has in hand. Each result extends the deadline by one block's time. */
export const blockDeadlines: WaitKind = {
  waits: (state) => {
    const held = blocksByWorker(state);
    return [...held].map(([id, { blocks, sinceMs }]) => {
      const worker = state.workers.get(id);
      const beganMs = Math.max(sinceMs, worker?.settledMs ?? sinceMs);
      const cuts = state.phase.tag === "evaluating" ? mostOf(state.phase.cuts, blocks) : 0;
      return cut("evaluation block", id, beganMs, beganMs + doubled(blockAllowanceMs(state, worker), cuts));
    });
  },
  fire: (turn, due) => cutDue(turn, blockDeadlines, due, (wait) => cutBlocks(turn, wait)),
};

/** Ten times what a block takes: as measured, or as its samples would take in training. */
function blockAllowanceMs(state: CoreState, worker: WorkerState | undefined): number {
  const { samplesPerLane } = state.run.dimensions;
  const laneMs = (worker === undefined ? null : laneMsOf(worker)) ?? typicalLaneMs(state) ?? 0;
  const inTrainingMs = (laneMs * limits.evaluationBlock) / Math.max(1, samplesPerLane);
  const blockMs = Math.max(median(state.measured.recentBlockMs) ?? 0, inTrainingMs);
  return Math.max(limits.evaluationDeadlineMs, limits.stepDeadlineFactor * blockMs) + transferMs(state);
}

interface HeldBlocks {
  readonly blocks: number[];
  /** When the first of them was handed out. */
  readonly sinceMs: number;
}

function blocksByWorker({ phase }: CoreState): Map<string, HeldBlocks> {
  const held = new Map<string, HeldBlocks>();
  if (phase.tag !== "evaluating") return held;
  phase.blocks.forEach((block, index) => {
    if (block.tag !== "assigned") return;
    for (const { worker, sinceMs } of block.holders) {
      const known = held.get(worker);
      const first = Math.min(known?.sinceMs ?? sinceMs, sinceMs);
      held.set(worker, { blocks: [...(known?.blocks ?? []), index], sinceMs: first });
    }
  });
  return held;
}

function cutBlocks(turn: Turn, wait: Wait): void {
  const blocks = blocksByWorker(turn.state).get(wait.from)?.blocks ?? [];
  const { cuts } = turn.in("evaluating");
  turn.update("evaluating", { cuts: countedAt(cuts, blocks) });
  const most = mostOf(turn.in("evaluating").cuts, blocks);
  if (failAfterCuts(turn, most, `evaluation block ${blocks[0]}`, wait)) return;
  const seconds = secondsText(turn.nowMs - wait.sinceMs);
  cutOff(turn, wait.from, `evaluation block ${blocks[0]} is not there after ${seconds} s`);
}

/** The one worker that builds the first weights, or writes the export. */
export const taskDeadlines: WaitKind = {
  waits: (state) => {
    const { phase } = state;
    if ((phase.tag !== "exporting" && phase.tag !== "initialising") || phase.worker === null) return [];
    const isExport = phase.tag === "exporting";
    const [what, afterMs] = isExport
      ? (["export", limits.exportMs] as const)
      : (["initial weights", limits.initialiseMs] as const);
    const sinceMs = isExport ? phase.progressMs : phase.sinceMs;
    const allowedMs = doubled(afterMs + transferMs(state), phase.cuts);
    return [cut(what, phase.worker, sinceMs, sinceMs + allowedMs)];
  },
  fire: (turn, due) => cutDue(turn, taskDeadlines, due, (wait) => cutTask(turn, wait)),
};

function cutTask(turn: Turn, wait: Wait): void {
  const { phase } = turn.state;
  if (phase.tag !== "exporting" && phase.tag !== "initialising") return;
  const cuts = phase.cuts + 1;
  turn.update(phase.tag, { cuts });
  const what =
    phase.tag === "exporting" ? `the export of checkpoint ${phase.checkpoint}` : "the initial weights";
  if (failAfterCuts(turn, cuts, what, wait)) return;
  const seconds = secondsText(turn.nowMs - wait.sinceMs);
  cutOff(turn, wait.from, `${what} made no progress for ${seconds} s`);
}

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
