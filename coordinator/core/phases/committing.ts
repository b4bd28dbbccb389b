/**
 * The decision on a step is carried out: the reducers update their slices of the weights. The step is committed when
 * every slice has done so.
 */

import type { CoreEvent } from "../events.js";
import { adviceOnOverflow, lastGood } from "../learning.js";
import { closeStepTimes } from "../liveness/speed.js";
import { learningRateOf } from "../schedule.js";
import type { CoreState, PhaseOf } from "../state.js";
import { timedSteps } from "../timing.js";
import type { Turn } from "../turn.js";
import { beginStepOrEndEpoch } from "./next-step.js";
import type { PhaseHandlers } from "./phase-handlers.js";
import { saveAndThen, saveIfDue } from "./saving.js";

type CommittingPhase = PhaseOf<"committing">;

/** Events while a step is committed. A stop waits for the commit. */
export const committing: PhaseHandlers<"committing"> = {
  sliceCommitted: takeSliceCommit,
};

/** A slice carried the decision out; the last one makes it a commit. */
function takeSliceCommit(
  turn: Turn,
  phase: CommittingPhase,
  { slice, step, checksum }: Extract<CoreEvent, { tag: "sliceCommitted" }>,
): void {
  if (step !== turn.state.progress.step) return;
  const checksums = phase.checksums.with(slice, checksum);
  turn.update("committing", { checksums });
  const known = checksums.filter((value) => value !== null);
  if (known.length < checksums.length) return;
  commit(turn, phase, known);
  afterCommit(turn);
}

function commit(turn: Turn, phase: CommittingPhase, checksums: readonly number[]): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const { nowMs } = turn;
  const { recentStepMs } = turn.state.measured;
  const { step: sums, decision, times, startedMs, sinceMs } = phase;
  const seconds = (nowMs - startedMs) / 1000;
  const isApplied = decision.tag === "apply";
  closeStepTimes(turn);
  turn.set({ progress: phase.next });
  turn.change("measured", {
    recentStepMs: [...recentStepMs, nowMs - startedMs].slice(-20),
    timings: [
      ...turn.state.measured.timings,
      ...(times === null ? [] : [{ ...times, stepMs: nowMs - startedMs, commitMs: nowMs - sinceMs }]),
    ].slice(-timedSteps),
  });
  turn.change("results", {
    lastSkip:
      decision.tag === "skip"
        ? { step: progress.step, reason: decision.reason }
        : turn.state.results.lastSkip,
  });
  turn.do({
    tag: "stepCommitted",
    checksums,
    row: {
      step: progress.step,
      epoch: progress.epoch,
      loss: isApplied ? sums.lossSum / sums.samples : null,
      accuracy: isApplied ? sums.correct / sums.samples : null,
      learningRate: learningRateOf(dimensions, progress, progress.step),
      gradientNorm: isApplied ? decision.gradientNorm : null,
      samples: isApplied ? sums.samples : phase.next.ledger.skipped - progress.ledger.skipped,
      seconds,
      status: isApplied ? "applied" : "skipped",
    },
  });
}

function afterCommit(turn: Turn): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const { stopRequested } = turn.state.ending;
  turn.change("membership", { failures: [], storeAway: null });
  if (isHopeless(turn.state)) return halt(turn);
  if (stopRequested !== null) {
    return saveAndThen(turn, "stop", { tag: "end", outcome: stopRequested });
  }
  if (progress.stepInEpoch < dimensions.stepsPerEpoch) saveIfDue(turn);
  beginStepOrEndEpoch(turn);
}

/** Too many steps were skipped in a row, or one was and that is one too many: going on would only burn machines. */
function isHopeless({ run: { dimensions }, progress }: CoreState): boolean {
  const { policy, inARow } = dimensions.spec.nonFinite;
  return progress.skippedInARow >= (policy === "halt" ? 1 : inARow);
}

/** Nothing of the skipped steps is in the weights. They are saved. */
function halt(turn: Turn): void {
  const { progress } = turn.state;
  const { lastSkip } = turn.state.results;
  const { dimensions } = turn.state.run;
  const { policy } = dimensions.spec.nonFinite;
  const steps =
    progress.skippedInARow === 1
      ? `step ${lastSkip?.step ?? 0} was`
      : `${progress.skippedInARow} steps in a row were`;
  const reason = `${steps} skipped (${lastSkip?.reason ?? ""}; --on-nonfinite ${policy}): ${adviceOnOverflow}. ${lastGood(turn.state)}`;
  saveAndThen(turn, "halt", { tag: "end", outcome: { tag: "failed", reason } });
}
