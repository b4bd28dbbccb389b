/** The end of an epoch: its row of the curve, what is decided on it, its checkpoint, and what follows. */
import { decideEpoch, type EpochRow, watchedLoss } from "../epoch.js";
import { beginStep } from "../lane-assignment.js";
import { adviceOnOverflow } from "../learning.js";
import { learningRateOf } from "../schedule.js";
import type { CoreState, Evaluation } from "../state.js";
import type { Turn } from "../turn.js";
import { checkpointId, enterSaving, save } from "./saving.js";

/** Decisions on the epoch, a checkpoint, and then the next epoch or the export. */
export function endEpoch(turn: Turn, evaluation: Evaluation | null): void {
  const { progress } = turn.state;
  const { dimensions } = turn.state.run;
  const { pending } = turn.state.checkpoints;
  const row = epochRow(turn.state, evaluation);
  const decision = decideEpoch(dimensions.spec, progress.memory, row, progress.optimizer.learningRate);
  turn.advance({
    epoch: progress.epoch + 1,
    stepInEpoch: 0,
    totals: { lossSum: 0, correct: 0, samples: 0 },
    memory: decision.memory,
    optimizer: { ...progress.optimizer, learningRate: decision.learningRate },
  });
  const checkpoint = checkpointId(turn.state);
  turn.change("clock", { epochStartedMs: turn.nowMs });
  turn.change("results", { evaluation: evaluation ?? turn.state.results.evaluation, lastEpoch: row });
  turn.change("ending", { endedBecause: decision.stop });
  if (decision.isBest) turn.change("checkpoints", { best: checkpoint });
  if (evaluation !== null && watchedLoss(row) === null) {
    turn.log("warn", `the validation loss of epoch ${row.epoch + 1} is not finite: ${adviceOnOverflow}`, {
      epoch: row.epoch,
    });
  }
  turn.do({ tag: "epochEnded", row, evaluation, isBest: decision.isBest });
  if (decision.learningRate !== progress.optimizer.learningRate) {
    turn.log("info", `learning rate lowered to ${decision.learningRate}: no lower loss`, {
      epoch: row.epoch,
    });
  }
  save(turn, `end of epoch ${row.epoch + 1}`);
  if (decision.stop !== null) {
    turn.log("info", `training ends: ${decision.stop}`, { epoch: row.epoch });
    enterSaving(turn, { tag: "export" });
  } else if (pending > 1) {
    enterSaving(turn, { tag: "train" });
  } else {
    beginStep(turn);
  }
}

function epochRow(state: CoreState, evaluation: Evaluation | null): EpochRow {
  const { dimensions } = state.run;
  const { progress } = state;
  const { nowMs, epochStartedMs } = state.clock;
  const seconds = (nowMs - epochStartedMs) / 1000;
  const { samples, lossSum, correct } = progress.totals;
  return {
    epoch: progress.epoch,
    step: progress.step,
    loss: samples > 0 ? lossSum / samples : null,
    accuracy: samples > 0 ? correct / samples : null,
    validationLoss: evaluation?.loss ?? null,
    validationAccuracy: evaluation?.accuracy ?? null,
    learningRate: learningRateOf(dimensions, progress, progress.step - 1),
    seconds,
    imagesPerSecond: seconds > 0 && samples > 0 ? samples / seconds : null,
  };
}
