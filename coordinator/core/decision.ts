/**
 * The decision on a step (docs/design/two-phase-commit.md): when every lane and every slice has arrived and no audit is
 * due, the core decides once, to apply or to skip. The step is committed when every slice has carried the decision out.
 */

import { asStep, type Step } from "../../shared/ids.js";
import { advanceStatistics, combineStatistics } from "../../shared/statistics.js";
import { divisorOf } from "../optimizers/gradient-divisor.js";
import { nextOptimizerStep } from "../optimizers/registry.js";
import type { TrainingPhase } from "./lane-assignment.js";
import { laneSamples } from "./run-dimensions.js";
import { learningRateOf } from "./schedule.js";
import type { CoreState, Decision, Progress, StepSums } from "./state.js";
import { laneTimes } from "./timing.js";
import type { Turn } from "./turn.js";
import type { LaneState, SliceReport } from "./work.js";

/** Makes the decision on the current step if everything has arrived. Called after every event. */
export function maybeDecide(turn: Turn): void {
  const phase = turn.in("training");
  if (phase.isTainted) return;
  const decision = decisionOf(phase);
  if (decision === null || (decision.tag === "apply" && phase.audits.length > 0)) return;
  decide(turn, phase, decision);
}

/** Every lane and slice of the step is there, and it can be applied once no audit is left. */
export const isGathered = (phase: TrainingPhase): boolean => decisionOf(phase)?.tag === "apply";

/** The decision on a step; null as long as a lane or a slice is missing. */
function decisionOf(phase: TrainingPhase): Decision | null {
  const poisoned = phase.lanes.findIndex((lane) => lane.tag === "poisoned");
  if (poisoned >= 0) return { tag: "skip", reason: `lane ${poisoned} is not finite` };
  if (!phase.lanes.every((lane) => lane.tag === "arrived" || lane.tag === "absent")) return null;
  const sums = sumLanes(phase.lanes);
  if (sums.samples === 0) return { tag: "skip", reason: "every sample of it is excluded" };
  const reports = phase.slices.filter((report) => report !== null);
  if (reports.length < phase.slices.length) return null;
  const gradientNorm = normOf(reports) / sums.samples;
  const isWhole = reports.every((report) => report.finite) && Number.isFinite(gradientNorm);
  return isWhole
    ? { tag: "apply", gradientNorm }
    : { tag: "skip", reason: "the sum of finite gradients overflows" };
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
  const next =
    decision.tag === "apply" ? applied(turn, phase, sums, decision.gradientNorm) : skipped(turn.state, phase);
  turn.enter({
    tag: "committing",
    sinceMs: turn.nowMs,
    startedMs: phase.sinceMs,
    decision,
    next,
    step: sums,
    times: decision.tag === "apply" ? laneTimes(phase, turn.state.run.dimensions.samplesPerLane) : null,
    checksums: phase.slices.map(() => null),
    isLateLogged: false,
  });
  if (decision.tag === "skip") {
    turn.do({ tag: "skip", step: progress.step, exact: isLastOfEpoch(turn.state) });
    turn.log("warn", `step ${progress.step} is skipped: ${decision.reason}`, { step: progress.step });
  }
}

const isLastOfEpoch = ({ progress, run: { dimensions } }: CoreState) =>
  progress.stepInEpoch + 1 >= dimensions.stepsPerEpoch;

function cursorAfter({ progress }: CoreState): { step: Step; stepInEpoch: number } {
  return { step: asStep(progress.step + 1), stepInEpoch: progress.stepInEpoch + 1 };
}

function applied(turn: Turn, phase: TrainingPhase, sums: StepSums, gradientNorm: number): Progress {
  const { progress } = turn.state;
  const { dimensions } = turn.state.run;
  const { layout } = turn.state.model;
  const { optimizer } = dimensions.spec;
  const learningRate = learningRateOf(dimensions, progress, progress.step);
  const divisor = divisorOf(optimizer, sums.samples, gradientNorm);
  const next = nextOptimizerStep(optimizer, progress.optimizer, { learningRate, divisor });
  turn.do({ tag: "apply", step: progress.step, update: next.step, exact: isLastOfEpoch(turn.state) });
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
    optimizer: next.state,
    statistics,
    totals: {
      lossSum: progress.totals.lossSum + sums.lossSum,
      correct: progress.totals.correct + sums.correct,
      samples: progress.totals.samples + sums.samples,
    },
    ledger: {
      ...progress.ledger,
      committed: progress.ledger.committed + sums.samples,
      excluded: progress.ledger.excluded + missing(turn.state, phase),
    },
    skippedInARow: 0,
  };
}

/** Cursor and step number advance; weights, the optimizer's state and the statistics do not. */
function skipped(state: CoreState, phase: TrainingPhase): Progress {
  const { progress } = state;
  const samples = phase.samples.reduce((sum, count) => sum + count, 0);
  return {
    ...progress,
    ...cursorAfter(state),
    ledger: {
      ...progress.ledger,
      skipped: progress.ledger.skipped + samples,
      excluded: progress.ledger.excluded + missing(state, phase),
    },
    skippedInARow: samples === 0 ? progress.skippedInARow : progress.skippedInARow + 1,
  };
}

/** Samples of the step that are left out. */
function missing({ run: { dimensions }, progress }: CoreState, phase: TrainingPhase): number {
  if (progress.exclusions.length === 0) return 0;
  const whole = laneSamples(dimensions, progress, []);
  return whole.reduce((sum, count, lane) => sum + count - (phase.samples[lane] ?? 0), 0);
}
