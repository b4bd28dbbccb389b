/**
 * One step: lanes are handed out, records and slice reports come in, and when the last is there one decision
 * is made (DESIGN 5.3, 5.4). The commit is the moment when every slice has carried the decision out.
 */

import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { float64From } from "../../shared/grpc/numbers.js";
import { asEpoch, asStep, type Epoch, type Step } from "../../shared/ids.js";
import { limits } from "../../shared/limits.js";
import { advanceStatistics, combineStatistics } from "../../shared/statistics.js";
import { heldBy, leastLoaded, leastLoadedFirst, shares } from "./distribution.js";
import { nextAdamStep } from "./optimizer.js";
import { laneSamples, presentLanes } from "./plan.js";
import { learningRateOf } from "./schedule.js";
import type {
  CoreState,
  Decision,
  LaneResult,
  LaneState,
  Phase,
  Progress,
  SliceReport,
  StepSums,
} from "./state.js";
import type { Turn } from "./turn.js";

export type TrainingPhase = Extract<Phase, { tag: "training" }>;
type CommittingPhase = Extract<Phase, { tag: "committing" }>;
type LaneRecord = Extract<WorkerBody, { kind: "laneRecord" }>;

/** Skipped steps in a row after which the run fails: by then it is the data or the learning rate. */
const skippedInARowLimit = 5;

export function beginStep(turn: Turn): void {
  const { plan, progress, slices } = turn.state;
  const present = presentLanes(plan, progress.stepInEpoch);
  const lanes: LaneState[] = Array.from({ length: plan.spec.lanes }, () => ({ tag: "absent" }));
  for (const lane of present) lanes[lane] = { tag: "open", refusedBy: [] };
  const count = slices.tag === "up" ? slices.count : 0;
  turn.do({ tag: "beginStep", step: progress.step, attempt: 0, present, banned: [] });
  turn.enter({
    tag: "training",
    sinceMs: turn.state.nowMs,
    lanes,
    slices: Array.from({ length: count }, () => null),
  });
  handOutLanes(turn);
}

/**
 * Gives every open lane to a ready worker. Called whenever a lane opens or a worker gets ready. Cost: one pass over
 * lanes and workers, because thousands of lanes and a thousand joining workers are legal.
 */
export function handOutLanes(turn: Turn): void {
  const { phase, nowMs } = turn.state;
  if (phase.tag !== "training") return;
  const open = lanesWhere(phase.lanes, (lane) => lane.tag === "open");
  if (open.length === 0) return;
  const workers = turn.ready.map((worker) => worker.id);
  const lanes = [...phase.lanes];
  const held = heldBy(lanes);
  const given = new Map<string, number[]>();
  const give = (worker: string, lane: number) => {
    lanes[lane] = { tag: "assigned", worker, sinceMs: nowMs, refusedBy: refusersOf(lanes[lane]) };
    held.set(worker, (held.get(worker) ?? 0) + 1);
    const share = given.get(worker);
    if (share === undefined) given.set(worker, [lane]);
    else share.push(lane);
  };
  const fresh = open.filter((lane) => refusersOf(lanes[lane]).length === 0);
  for (const [worker, share] of shares(fresh, leastLoadedFirst(workers, held))) {
    for (const lane of share) give(worker, lane);
  }
  for (const lane of open.filter((candidate) => lanes[candidate]?.tag === "open")) {
    const worker = secondOpinion(workers, refusersOf(lanes[lane]), held);
    if (worker !== undefined) give(worker, lane);
  }
  turn.enter({ ...phase, lanes });
  const { step, epoch, stepInEpoch } = turn.state.progress;
  for (const [worker, share] of given) {
    turn.send(worker, {
      kind: "gradients",
      step,
      epoch,
      stepInEpoch,
      lanes: share,
      excluded: [],
      attempt: 0,
    });
  }
}

const refusersOf = (lane: LaneState | undefined): readonly string[] =>
  lane?.tag === "open" || lane?.tag === "assigned" ? lane.refusedBy : [];

/** Another worker than those whose result was not finite, if there is one. */
function secondOpinion(
  workers: readonly string[],
  refusedBy: readonly string[],
  held: ReadonlyMap<string, number>,
): string | undefined {
  const others = workers.filter((worker) => !refusedBy.includes(worker));
  return leastLoaded(others, held) ?? leastLoaded(workers, held);
}

function lanesWhere(lanes: readonly LaneState[], isWanted: (lane: LaneState) => boolean): number[] {
  return lanes.flatMap((lane, index) => (isWanted(lane) ? [index] : []));
}

/** A worker is gone: what it held and did not record is open again. */
export function reopenLanes(turn: Turn, worker: string): void {
  const { phase } = turn.state;
  if (phase.tag !== "training") return;
  let redone = 0;
  const lanes = phase.lanes.map((lane, index): LaneState => {
    if (lane.tag !== "assigned" || lane.worker !== worker) return lane;
    redone += laneSamples(turn.state.plan, index, turn.state.progress.stepInEpoch);
    return { tag: "open", refusedBy: lane.refusedBy };
  });
  const { ledger } = turn.state.progress;
  turn.advance({ ledger: { ...ledger, redone: ledger.redone + redone } });
  turn.enter({ ...phase, lanes });
  handOutLanes(turn);
}

/** The first record of a lane counts, whoever sent it; the rest are dropped. */
export function takeRecord(turn: Turn, worker: string, record: LaneRecord): void {
  const { phase, progress, plan } = turn.state;
  if (phase.tag !== "training" || record.step !== progress.step) return turn.drop(worker, "stale step");
  const lane = phase.lanes[record.lane];
  if (lane === undefined || lane.tag === "absent") return turn.drop(worker, "unknown lane");
  if (lane.tag === "arrived" || lane.tag === "poisoned") return turn.drop(worker, "duplicate");
  if (record.samples !== laneSamples(plan, record.lane, progress.stepInEpoch)) {
    return turn.drop(worker, "wrong sample count");
  }
  if (record.finite && !isStatistics(turn.state, record.statistics)) {
    return turn.drop(worker, "wrong statistics");
  }
  if (!isFiniteRecord(record)) return suspectLane(turn, worker, record.lane, lane);
  const result: LaneResult = {
    samples: record.samples,
    lossSum: record.lossSum,
    correct: record.correct,
    statistics: float64From(record.statistics),
  };
  setLane(turn, record.lane, { tag: "arrived", worker, result });
  maybeDecide(turn);
}

const isStatistics = ({ layout }: CoreState, statistics: Uint8Array) =>
  statistics.byteLength === 8 * (layout?.statisticsCount ?? 0);

const isFiniteRecord = (record: LaneRecord) =>
  record.finite && Number.isFinite(record.lossSum) && float64From(record.statistics).every(Number.isFinite);

/** Not finite once: computed again, elsewhere if possible. Twice: the step is skipped (DESIGN 5.5). */
function suspectLane(turn: Turn, worker: string, index: number, lane: LaneState): void {
  const refusedBy = [...refusersOf(lane), worker];
  const { step } = turn.state.progress;
  turn.log("warn", `worker ${worker} returned values that are not finite for lane ${index} of step ${step}`, {
    worker,
    lane: index,
    step,
  });
  setLane(turn, index, refusedBy.length >= 2 ? { tag: "poisoned" } : { tag: "open", refusedBy });
  handOutLanes(turn);
  maybeDecide(turn);
}

function setLane(turn: Turn, index: number, lane: LaneState): void {
  const { phase } = turn.state;
  if (phase.tag !== "training") return;
  const lanes = [...phase.lanes];
  lanes[index] = lane;
  turn.enter({ ...phase, lanes });
}

export function takeSliceReport(turn: Turn, slice: number, step: number, report: SliceReport): void {
  const { phase, progress } = turn.state;
  if (phase.tag !== "training" || step !== progress.step) return;
  const slices = [...phase.slices];
  slices[slice] = report;
  turn.enter({ ...phase, slices });
  maybeDecide(turn);
}

function maybeDecide(turn: Turn): void {
  const { phase } = turn.state;
  if (phase.tag !== "training") return;
  const poisoned = phase.lanes.findIndex((lane) => lane.tag === "poisoned");
  if (poisoned >= 0) return decide(turn, phase, { tag: "skip", reason: `lane ${poisoned} is not finite` });
  const allIn = phase.lanes.every((lane) => lane.tag === "arrived" || lane.tag === "absent");
  const reports = phase.slices.filter((report) => report !== null);
  if (!allIn || reports.length < phase.slices.length) return;
  const finite = reports.every((report) => report.finite);
  const sums = sumLanes(phase.lanes);
  const gradientNorm = normOf(reports) / sums.samples;
  decide(
    turn,
    phase,
    finite && Number.isFinite(gradientNorm)
      ? { tag: "apply", gradientNorm }
      : { tag: "skip", reason: "the sum of finite gradients overflows" },
  );
}

/** Block sums are added in vector order, so the number of slices never changes a bit. */
function normOf(reports: readonly SliceReport[]): number {
  let sum = 0;
  for (const report of reports) for (const block of report.blockSums) sum += block;
  return Math.sqrt(sum);
}

function sumLanes(lanes: readonly LaneState[]): StepSums {
  const sums = { lossSum: 0, correct: 0, samples: 0 };
  for (const lane of lanes) {
    if (lane.tag !== "arrived") continue;
    sums.lossSum += lane.result.lossSum;
    sums.correct += lane.result.correct;
    sums.samples += lane.result.samples;
  }
  return sums;
}

function decide(turn: Turn, phase: TrainingPhase, decision: Decision): void {
  const { progress } = turn.state;
  const sums = sumLanes(phase.lanes);
  const next = decision.tag === "apply" ? applied(turn, phase, sums) : skipped(turn.state);
  turn.enter({
    tag: "committing",
    sinceMs: turn.state.nowMs,
    startedMs: phase.sinceMs,
    decision,
    next,
    step: sums,
    checksums: phase.slices.map(() => null),
  });
  if (decision.tag === "skip") {
    turn.do({ tag: "skip", step: progress.step });
    turn.log("warn", `step ${progress.step} is skipped: ${decision.reason}`, { step: progress.step });
  }
}

function cursorAfter(state: CoreState): { step: Step; epoch: Epoch; stepInEpoch: number } {
  const { step, epoch, stepInEpoch } = state.progress;
  return { step: asStep(step + 1), epoch: asEpoch(epoch), stepInEpoch: stepInEpoch + 1 };
}

function applied(turn: Turn, phase: TrainingPhase, sums: StepSums): Progress {
  const { progress, plan, layout } = turn.state;
  const adam = nextAdamStep(
    plan.spec.optimizer,
    progress.optimizer,
    learningRateOf(turn.state.plan, turn.state.progress, turn.state.progress.step),
    sums.samples,
  );
  turn.do({ tag: "apply", step: progress.step, adam: adam.step });
  const lanes = phase.lanes.flatMap((lane) =>
    lane.tag === "arrived" ? [{ samples: lane.result.samples, values: lane.result.statistics }] : [],
  );
  const statistics =
    layout === null
      ? progress.statistics
      : advanceStatistics(layout, progress.statistics, combineStatistics(layout, lanes));
  return {
    ...progress,
    ...cursorAfter(turn.state),
    optimizer: adam.state,
    statistics,
    totals: {
      lossSum: progress.totals.lossSum + sums.lossSum,
      correct: progress.totals.correct + sums.correct,
      samples: progress.totals.samples + sums.samples,
    },
    ledger: { ...progress.ledger, committed: progress.ledger.committed + sums.samples },
    skippedInARow: 0,
  };
}

/** Cursor and step number advance; weights, Adam, its count and the statistics do not. */
function skipped(state: CoreState): Progress {
  const { progress, plan } = state;
  const samples = plan.laneSizes.reduce(
    (sum, _, lane) => sum + laneSamples(plan, lane, progress.stepInEpoch),
    0,
  );
  return {
    ...progress,
    ...cursorAfter(state),
    ledger: { ...progress.ledger, skipped: progress.ledger.skipped + samples },
    skippedInARow: progress.skippedInARow + 1,
  };
}

/** A slice carried the decision out; the last one makes it a commit. Returns true at the commit. */
export function takeSliceCommit(turn: Turn, slice: number, step: number, checksum: number): boolean {
  const { phase, progress } = turn.state;
  if (phase.tag !== "committing" || step !== progress.step) return false;
  const checksums = [...phase.checksums];
  checksums[slice] = checksum;
  turn.enter({ ...phase, checksums });
  const known = checksums.filter((value) => value !== null);
  if (known.length < checksums.length) return false;
  commit(turn, phase, known);
  return true;
}

function commit(turn: Turn, phase: CommittingPhase, checksums: readonly number[]): void {
  const { progress, nowMs, recentStepMs } = turn.state;
  const { step: sums, decision } = phase;
  const learningRate = learningRateOf(turn.state.plan, turn.state.progress, turn.state.progress.step);
  turn.set({
    progress: phase.next,
    recentStepMs: [...recentStepMs, nowMs - phase.startedMs].slice(-20),
  });
  turn.do({
    tag: "stepCommitted",
    checksums,
    row: {
      step: progress.step,
      epoch: progress.epoch,
      loss: sums.samples > 0 ? sums.lossSum / sums.samples : 0,
      accuracy: sums.samples > 0 ? sums.correct / sums.samples : 0,
      learningRate,
      gradientNorm: decision.tag === "apply" ? decision.gradientNorm : 0,
      samples: sums.samples,
      seconds: (nowMs - phase.startedMs) / 1000,
      status: decision.tag === "apply" ? "applied" : "skipped",
    },
  });
}

/** True when too many steps were skipped in a row: going on would only burn machines. */
export const isHopeless = (progress: Progress) => progress.skippedInARow >= skippedInARowLimit;

/** Workers that hold a lane past the step deadline; they are cut off and their lanes redone. */
export function lateWorkers(state: CoreState): { id: string; reason: string }[] {
  const { phase, nowMs, recentStepMs } = state;
  if (phase.tag !== "training") return [];
  const deadlineMs = stepDeadlineMs(recentStepMs);
  const late = new Map<string, number>();
  phase.lanes.forEach((lane, index) => {
    if (lane.tag === "assigned" && nowMs - lane.sinceMs > deadlineMs) late.set(lane.worker, index);
  });
  return [...late].map(([id, lane]) => ({
    id,
    reason: `lane ${lane} of step ${state.progress.step} is not there after ${(deadlineMs / 1000).toFixed(1)} s`,
  }));
}

/** max(10 x median step, 10 s); before the first step half a minute, while engines warm up. */
function stepDeadlineMs(recentStepMs: readonly number[]): number {
  const sorted = [...recentStepMs].sort((a, b) => a - b);
  const median =
    sorted[Math.floor(sorted.length / 2)] ?? (3 * limits.stepDeadlineMinMs) / limits.stepDeadlineFactor;
  return Math.max(limits.stepDeadlineFactor * median, limits.stepDeadlineMinMs);
}
