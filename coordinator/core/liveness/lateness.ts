/**
 * Lateness: work that takes much longer than usual is logged once, with the worker and what it does. Late lanes and
 * blocks are given to idle workers as well; the first result counts.
 */
import { limits } from "../../../shared/limits.js";
import { divide, heldBy, median } from "../distribution.js";
import { giveBlocks } from "../evaluation.js";
import { give, type TrainingPhase } from "../lane-assignment.js";
import type { CoreState, WorkerState } from "../state.js";
import type { Turn } from "../turn.js";
import type { LaneState, Share } from "../work.js";
import { candidate, changeShare, isBusy, isSlow, lateAfterMs, shareAgeMs, typicalLaneMs } from "./speed.js";
import type { Wait, WaitKind } from "./wait.js";

/** Who computes one lane or block at most, the first one included. */
const holdersLimit = 3;

const late = (what: Wait["what"], from: string, sinceMs: number, afterMs: number): Wait => ({
  what,
  from,
  sinceMs,
  until: sinceMs + afterMs,
  consequence: "log it as late",
});

/** Workers that prepare for long. */
export const latePreparations: WaitKind = {
  waits: ({ workers }) =>
    [...workers.values()]
      .filter(({ tag, isLateLogged }) => tag === "preparing" && !isLateLogged)
      .map(({ id, sinceMs }) => late("preparation", id, sinceMs, limits.prepareLateMs)),
  fire: (turn, due) => {
    for (const { from, sinceMs } of due) {
      const worker = turn.state.workers.get(from);
      if (worker === undefined) continue;
      turn.worker(from, { isLateLogged: true });
      tell(turn, worker, "its preparation", turn.nowMs - sinceMs, limits.prepareLateMs);
    }
  },
};

/** Each worker's oldest share. Until it is known how long a lane takes, only the deadline counts. */
export const lateShares: WaitKind = {
  waits: (state) =>
    [...state.workers.values()].flatMap((worker) => {
      const share = worker.shares[0];
      if (share === undefined || share.isLateLogged || !isBusy(worker)) return [];
      return lateWait(state, worker, share);
    }),
  fire: (turn, due) => logLateShares(turn, new Set(due.map(({ from }) => from))),
};

/** Lanes of the current step whose holders are all late, as long as there is an idle worker to compute them as well. */
export const lateLanes: WaitKind = {
  waits: (state) => {
    const { phase } = state;
    if (phase.tag !== "training" || typicalLaneMs(state) === null || helpersOf(state).length === 0) return [];
    const from = lateFrom(state, phase);
    const waits = phase.lanes.flatMap((lane, index) => {
      const untilMs = helpFromMs(lane, index, from);
      return lane.tag === "assigned" && untilMs !== null
        ? [{ worker: lane.holders[0]?.worker ?? "", sinceMs: lane.holders[0]?.sinceMs ?? 0, untilMs }]
        : [];
    });
    const first = waits.reduce<(typeof waits)[number] | null>(
      (least, one) => (least === null || one.untilMs < least.untilMs ? one : least),
      null,
    );
    if (first === null) return [];
    const { worker, sinceMs, untilMs } = first;
    return [{ what: "share", from: worker, sinceMs, until: untilMs, consequence: "give it to others" }];
  },
  fire: helpLateLanes,
};

/** When each worker's share of this step that contains a lane is late, by worker and lane. */
type LateFrom = ReadonlyMap<string, ReadonlyMap<number, number>>;

function lateFrom(state: CoreState, phase: TrainingPhase): LateFrom {
  const from = new Map<string, Map<number, number>>();
  for (const worker of state.workers.values()) {
    const ofWorker = new Map<number, number>();
    for (const share of worker.shares) {
      if (share.step !== state.progress.step || share.attempt !== phase.attempt) continue;
      const until = lateWait(state, worker, share)[0]?.until;
      if (typeof until !== "number") continue;
      for (const lane of share.lanes) ofWorker.set(lane, until);
    }
    if (ofWorker.size > 0) from.set(worker.id, ofWorker);
  }
  return from;
}

/** When a lane may be given to one more worker: once all that compute it are late. Null: it has as many as it may have. */
function helpFromMs(lane: LaneState, index: number, from: LateFrom): number | null {
  if (lane.tag !== "assigned" || lane.holders.length >= holdersLimit) return null;
  const times = lane.holders.map(({ worker }) => from.get(worker)?.get(index));
  return times.includes(undefined) ? null : Math.max(...(times as number[]));
}

/** Reducers that have every lane of the step, or the decision on it. */
export const lateReducers: WaitKind = {
  waits: ({ phase }) => {
    if ((phase.tag !== "training" && phase.tag !== "committing") || phase.isLateLogged) return [];
    const sinceMs = phase.tag === "training" ? phase.arrivedMs : phase.sinceMs;
    if (sinceMs === null || missingSlices(phase).length === 0) return [];
    return [late("slices", "reducers", sinceMs, limits.reduceLateMs)];
  },
  fire: (turn, due) => logLateReducers(turn, due[0]?.sinceMs ?? turn.nowMs),
};

/** Blocks of the validation split, once none is left to hand out: idle workers compute late ones as well. */
export const lateBlocks: WaitKind = {
  waits: (state) => {
    const { phase } = state;
    const typical = median(state.measured.recentBlockMs);
    if (phase.tag !== "evaluating" || typical === undefined) return [];
    if (phase.blocks.some(({ tag }) => tag === "open")) return [];
    const held = new Map<string, number>();
    const holders = new Set(heldBy(phase.blocks).keys());
    const isAnyFree = [...state.workers.values()].some(
      (worker) => worker.tag === "ready" && !holders.has(worker.id) && !isBusy(worker),
    );
    return phase.blocks.flatMap((block) => {
      if (block.tag !== "assigned") return [];
      for (const { worker } of block.holders) held.set(worker, (held.get(worker) ?? 0) + 1);
      const isNamed = phase.lateLogged.includes(block.holders[0]?.worker ?? "");
      if (isNamed && (!isAnyFree || block.holders.length >= holdersLimit)) return [];
      return block.holders.map(({ worker, sinceMs }): Wait => {
        const afterMs = lateAfterMs(typical, held.get(worker) ?? 1);
        return { ...late("evaluation block", worker, sinceMs, afterMs), consequence: "give it to others" };
      });
    });
  },
  fire: helpLateBlocks,
};

/** The one worker that builds the first weights, or writes the export. */
export const lateTasks: WaitKind = {
  waits: ({ phase }) => {
    if (phase.tag !== "exporting" && phase.tag !== "initialising") return [];
    if (phase.worker === null || phase.isLateLogged) return [];
    const what = phase.tag === "exporting" ? "export" : "initial weights";
    return [late(what, phase.worker, phase.sinceMs, limits.exportLateMs)];
  },
  fire: logLateTask,
};

function lateWait(state: CoreState, worker: WorkerState, share: Share): Wait[] {
  const typical = typicalLaneMs(state);
  if (typical === null) return [];
  const sinceMs = Math.max(share.sinceMs, worker.settledMs);
  return [late("share", worker.id, sinceMs, lateAfterMs(typical, Math.max(1, share.lanes.length)))];
}

function tell(turn: Turn, worker: WorkerState, what: string, waitedMs: number, expectedMs: number): void {
  const [waited, expected] = [waitedMs, expectedMs].map((ms) => (ms / 1000).toFixed(1));
  turn.log(
    "warn",
    `worker ${worker.id} is late with ${what}: ${waited} s (expected ${expected} s), in ${worker.doing}`,
    {
      worker: worker.id,
      phase: worker.doing,
      step: turn.state.progress.step,
    },
  );
  turn.do({ tag: "late", worker: worker.id, phase: worker.doing });
}

function logLateShares(turn: Turn, late: ReadonlySet<string>): void {
  for (const worker of turn.state.workers.values()) {
    const share = worker.shares[0];
    const typical = typicalLaneMs(turn.state);
    if (share === undefined || typical === null || !late.has(worker.id)) continue;
    const afterMs = lateAfterMs(typical, Math.max(1, share.lanes.length));
    changeShare(
      turn,
      worker.id,
      (one) => one === share,
      () => ({ isLateLogged: true }),
    );
    const lanes = share.lanes.length === 1 ? `lane ${share.lanes[0]}` : `${share.lanes.length} lanes`;
    const what = `${share.kind === "audit" ? "the audit of " : ""}${lanes} of step ${share.step}`;
    tell(turn, worker, what, shareAgeMs(turn.state, worker, share), afterMs / limits.lateFactor);
  }
}

function helpLateLanes(turn: Turn): void {
  const phase = turn.in("training");
  const from = lateFrom(turn.state, phase);
  const late = phase.lanes.flatMap((lane, index) => {
    const untilMs = helpFromMs(lane, index, from);
    return untilMs !== null && turn.nowMs > untilMs ? [index] : [];
  });
  give(
    turn,
    divide(
      late,
      helpersOf(turn.state).map((worker) => candidate(worker)),
    ),
  );
}

/** Idle ready workers that are not slow themselves, and audit nothing: their answer must stay a second one. */
function helpersOf(state: CoreState): WorkerState[] {
  const { phase } = state;
  if (phase.tag !== "training") return [];
  const auditors = phase.audits.flatMap(({ auditor, third }) => [auditor, third]);
  const holders = new Set(
    phase.lanes.flatMap((lane) => (lane.tag === "assigned" ? lane.holders.map(({ worker }) => worker) : [])),
  );
  return [...state.workers.values()]
    .filter(
      (worker) =>
        worker.tag === "ready" &&
        !isBusy(worker) &&
        !holders.has(worker.id) &&
        !auditors.includes(worker.id) &&
        !isSlow(state, worker),
    )
    .sort((a, b) => a.order - b.order);
}

function helpLateBlocks(turn: Turn): void {
  const { phase } = turn.state;
  const { nowMs } = turn;
  const { recentBlockMs } = turn.state.measured;
  const typical = median(recentBlockMs);
  if (phase.tag !== "evaluating" || typical === undefined) return;
  if (phase.blocks.some(({ tag }) => tag === "open")) return;
  const held = new Map<string, number>();
  const late: number[] = [];
  phase.blocks.forEach((block, index) => {
    if (block.tag !== "assigned") return;
    for (const { worker } of block.holders) held.set(worker, (held.get(worker) ?? 0) + 1);
    const isLate = block.holders.every(
      ({ worker, sinceMs }) => nowMs - sinceMs > lateAfterMs(typical, held.get(worker) ?? 1),
    );
    if (isLate) late.push(index);
    if (isLate) logLateBlock(turn, block.holders[0]?.worker ?? "", index, typical);
  });
  const free = turn.ready.filter((worker) => !held.has(worker.id) && !isBusy(worker));
  const open = late.filter((index) => {
    const block = phase.blocks[index];
    return block?.tag === "assigned" && block.holders.length < holdersLimit;
  });
  giveBlocks(
    turn,
    divide(
      open.slice(0, free.length),
      free.map((worker) => candidate(worker)),
    ),
  );
}

function logLateBlock(turn: Turn, id: string, block: number, typicalMs: number): void {
  const { phase } = turn.state;
  const { nowMs } = turn;
  const worker = turn.state.workers.get(id);
  if (phase.tag !== "evaluating" || worker === undefined || phase.lateLogged.includes(id)) return;
  turn.update("evaluating", { lateLogged: [...phase.lateLogged, id] });
  const state = phase.blocks[block];
  const sinceMs = state?.tag === "assigned" ? (state.holders[0]?.sinceMs ?? nowMs) : nowMs;
  tell(turn, worker, `evaluation block ${block}`, nowMs - sinceMs, typicalMs);
}

function logLateReducers(turn: Turn, sinceMs: number): void {
  const { phase, progress } = turn.state;
  const { nowMs } = turn;
  if (phase.tag !== "training" && phase.tag !== "committing") return;
  const missing = missingSlices(phase);
  turn.update(phase.tag, { isLateLogged: true });
  if (phase.tag === "training")
    turn.do({ tag: "findMissingLanes", step: progress.step, attempt: phase.attempt });
  const seconds = ((nowMs - sinceMs) / 1000).toFixed(1);
  turn.log("warn", `${reducers(missing)} late with step ${progress.step}: ${seconds} s, in reduce`, {
    step: progress.step,
    phase: "reduce",
  });
  for (const slice of missing) turn.do({ tag: "late", worker: `reducer ${slice}`, phase: "reduce" });
}

/** The slices that have not answered yet: their sums in training, their updates in committing. */
export function missingSlices(phase: CoreState["phase"]): number[] {
  if (phase.tag !== "training" && phase.tag !== "committing") return [];
  const values: readonly unknown[] = phase.tag === "training" ? phase.slices : phase.checksums;
  return values.flatMap((value, slice) => (value === null ? [slice] : []));
}

export const reducers = (slices: readonly number[]): string =>
  slices.length === 1 ? `reducer ${slices[0]} is` : `reducers ${slices.join(", ")} are`;

function logLateTask(turn: Turn): void {
  const { phase } = turn.state;
  const { nowMs } = turn;
  if ((phase.tag !== "exporting" && phase.tag !== "initialising") || phase.worker === null) return;
  const worker = turn.state.workers.get(phase.worker);
  if (worker === undefined) return;
  turn.update(phase.tag, { isLateLogged: true });
  const what = phase.tag === "exporting" ? "the export" : "the initial weights";
  tell(turn, worker, what, nowMs - phase.sinceMs, limits.exportLateMs);
}
