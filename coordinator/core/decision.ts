/**
 * The decision on a step (docs/design/two-phase-commit.md): when every lane and every slice has arrived and no audit is
 * due, the core decides once, to apply or to skip. The step is committed when every slice has carried the decision out.
 */

import { advanceStatistics, arePublishable, combineStatistics } from "../../shared/statistics.js";
import { divisorOf } from "../optimizers/gradient-divisor.js";
import type { StepMagnitudes } from "../optimizers/optimizer.js";
import { nextOptimizerStep, type OptimizerStep, staysFinite } from "../optimizers/registry.js";
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
  const arrival = arrivalOf(phase);
  // An audit may find that a sum is wrong: what the sum is like is judged when none is left.
  if (arrival.tag === "incomplete" || (arrival.tag === "whole" && phase.audits.length > 0)) return;
  decide(turn, phase, arrival);
}

/** Every lane and slice of the step is there, and it can be decided once no audit is left. */
export const isGathered = (phase: TrainingPhase): boolean => arrivalOf(phase).tag === "whole";

/** What has arrived of a step. */
type Arrival =
  /** A lane or a slice is missing. */
  | { readonly tag: "incomplete" }
  /** There is no sum to apply, whatever else arrives. */
  | { readonly tag: "nothing"; readonly reason: string }
  /** Every lane's record and every slice's report. */
  | { readonly tag: "whole"; readonly sums: StepSums; readonly reports: readonly SliceReport[] };

function arrivalOf(phase: TrainingPhase): Arrival {
  const poisoned = phase.lanes.findIndex((lane) => lane.tag === "poisoned");
  if (poisoned >= 0) return { tag: "nothing", reason: `lane ${poisoned} is not finite on two computations` };
  if (!phase.lanes.every((lane) => lane.tag === "arrived" || lane.tag === "absent"))
    return { tag: "incomplete" };
  const sums = sumLanes(phase.lanes);
  if (sums.samples === 0) return { tag: "nothing", reason: "every sample of it is excluded" };
  const reports = phase.slices.filter((report) => report !== null);
  return reports.length < phase.slices.length ? { tag: "incomplete" } : { tag: "whole", sums, reports };
}

/** Block sums are added in vector order, so the number of slices never changes a bit. */
function normOf(reports: readonly SliceReport[]): number {
  let sum = 0;
  for (const report of reports) for (const block of report.blockSums) sum += block;
  return Math.sqrt(sum);
}

/** The largest magnitudes of the whole vectors. A maximum is exact: the number of slices never changes a bit. */
function largestOf(reports: readonly SliceReport[]): StepMagnitudes {
  const largest = (of: (slice: StepMagnitudes) => number | undefined) =>
    Math.max(...reports.map((report) => of(report.largest) ?? 0));
  return {
    root: largest(({ root }) => root),
    weights: largest(({ weights }) => weights),
    moments: (reports[0]?.largest.moments ?? []).map((_, index) => largest(({ moments }) => moments[index])),
  };
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

function decide(turn: Turn, phase: TrainingPhase, arrival: Exclude<Arrival, { tag: "incomplete" }>): void {
  const { state } = turn;
  const { step } = state.progress;
  const verdict: Verdict =
    arrival.tag === "whole" ? verdictOn(state, phase, arrival) : { tag: "skip", reason: arrival.reason };
  const isApplied = verdict.tag === "apply";
  turn.enter({
    tag: "committing",
    sinceMs: turn.nowMs,
    startedMs: phase.sinceMs,
    decision: isApplied ? { tag: "apply", gradientNorm: verdict.gradientNorm } : verdict,
    next: isApplied ? verdict.next : skipped(state, phase),
    step: arrival.tag === "whole" ? arrival.sums : sumLanes(phase.lanes),
    times: isApplied ? laneTimes(phase, state.run.dimensions.samplesPerLane) : null,
    checksums: phase.slices.map(() => null),
    isLateLogged: false,
  });
  const exact = isLastOfEpoch(state);
  if (isApplied) return turn.do({ tag: "apply", step, update: verdict.update, exact });
  turn.do({ tag: "skip", step, exact });
  turn.log("warn", `step ${step} is skipped: ${verdict.reason}`, { step });
}

/** The decision, and what applying leads to. */
type Verdict =
  | Extract<Decision, { tag: "skip" }>
  | {
      readonly tag: "apply";
      readonly gradientNorm: number;
      readonly update: OptimizerStep;
      readonly next: Progress;
    };

/** A step is applied only if everything that comes of it stays finite: it can't be taken back. */
function verdictOn(
  state: CoreState,
  phase: TrainingPhase,
  { sums, reports }: Extract<Arrival, { tag: "whole" }>,
): Verdict {
  const { progress } = state;
  const { dimensions } = state.run;
  const { optimizer } = dimensions.spec;
  const largest = largestOf(reports);
  if (!Number.isFinite(largest.root)) return { tag: "skip", reason: "the sum of finite gradients overflows" };
  const gradientNorm = normOf(reports) / sums.samples;
  const learningRate = learningRateOf(dimensions, progress, progress.step);
  const divisor = divisorOf(optimizer, sums.samples, gradientNorm);
  const { state: after, step: update } = nextOptimizerStep(optimizer, progress.optimizer, {
    learningRate,
    divisor,
  });
  if (!staysFinite(update, largest)) return { tag: "skip", reason: tooLarge(largest, sums, learningRate) };
  const statistics = statisticsAfter(state, phase);
  if (statistics === null) return { tag: "skip", reason: "the batch-norm statistics overflow" };
  return {
    tag: "apply",
    gradientNorm,
    update,
    next: { ...applied(state, phase, sums), optimizer: after, statistics },
  };
}

/** Why an update is not made, with the numbers that can make it overflow. */
function tooLarge(largest: StepMagnitudes, { samples }: StepSums, learningRate: number): string {
  const short = (value: number) => value.toExponential(1);
  const values = `largest mean gradient ${short(largest.root / samples)}, weight ${short(largest.weights)}`;
  return `its update could overflow (${values}, learning rate ${short(learningRate)})`;
}

/** The moving statistics after the step; null when they can't be published as float32. */
function statisticsAfter(
  { progress, model: { layout } }: CoreState,
  phase: TrainingPhase,
): Progress["statistics"] | null {
  if (layout === null) return progress.statistics;
  const lanes = phase.lanes.flatMap((lane) =>
    lane.tag === "arrived" ? [{ samples: lane.result.samples, values: lane.result.statistics }] : [],
  );
  const next = advanceStatistics(layout, progress.statistics, combineStatistics(layout, lanes));
  return arePublishable(layout, next) ? next : null;
}

const isLastOfEpoch = ({ progress, run: { dimensions } }: CoreState) =>
  progress.stepInEpoch + 1 >= dimensions.stepsPerEpoch;

function cursorAfter({ progress }: CoreState): { step: number; stepInEpoch: number } {
  return { step: progress.step + 1, stepInEpoch: progress.stepInEpoch + 1 };
}

/** The position after an applied step. The caller adds the optimizer's state and the statistics. */
function applied(
  state: CoreState,
  phase: TrainingPhase,
  sums: StepSums,
): Omit<Progress, "optimizer" | "statistics"> {
  const { progress } = state;
  return {
    ...progress,
    ...cursorAfter(state),
    totals: {
      lossSum: progress.totals.lossSum + sums.lossSum,
      correct: progress.totals.correct + sums.correct,
      samples: progress.totals.samples + sums.samples,
    },
    ledger: {
      ...progress.ledger,
      committed: progress.ledger.committed + sums.samples,
      excluded: progress.ledger.excluded + missing(state, phase),
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
