/** The end of an epoch and the end of a run: what is saved, exported, published, and what everyone is told. */
import { asEpoch, type Epoch } from "../../shared/ids.js";
import { limits } from "../../shared/limits.js";
import { decideEpoch, type EpochRow } from "./epoch.js";
import { beginStep } from "./lane-assignment.js";
import { savedState } from "./saved.js";
import { learningRateOf } from "./schedule.js";
import type { CoreState, Evaluation, Outcome, SavingGoal } from "./state.js";
import type { Turn } from "./turn.js";

const checkpointId = (state: CoreState) => `${state.generation}-${state.progress.step}`;

/** Decisions on the epoch, a checkpoint, and then the next epoch or the export. */
export function endEpoch(turn: Turn, evaluation: Evaluation | null): void {
  const { progress, dimensions, checkpointsPending } = turn.state;
  const row = epochRow(turn.state, evaluation);
  const decision = decideEpoch(dimensions.spec, progress.memory, row, progress.optimizer.learningRate);
  turn.advance({
    epoch: asEpoch(progress.epoch + 1) satisfies Epoch,
    stepInEpoch: 0,
    totals: { lossSum: 0, correct: 0, samples: 0 },
    memory: decision.memory,
    optimizer: { ...progress.optimizer, learningRate: decision.learningRate },
  });
  const checkpoint = checkpointId(turn.state);
  turn.set({
    evaluation: evaluation ?? turn.state.evaluation,
    epochStartedMs: turn.state.nowMs,
    lastEpoch: row,
    endedBecause: decision.stop,
    ...(decision.isBest ? { bestCheckpoint: checkpoint } : {}),
  });
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
  } else if (checkpointsPending > 1) {
    enterSaving(turn, { tag: "train" });
  } else {
    beginStep(turn);
  }
}

function epochRow(state: CoreState, evaluation: Evaluation | null): EpochRow {
  const { dimensions, progress, nowMs, epochStartedMs } = state;
  const seconds = (nowMs - epochStartedMs) / 1000;
  const { samples, lossSum, correct } = progress.totals;
  return {
    epoch: progress.epoch,
    step: progress.step,
    loss: samples > 0 ? lossSum / samples : 0,
    accuracy: samples > 0 ? correct / samples : 0,
    validationLoss: evaluation?.loss ?? null,
    validationAccuracy: evaluation?.accuracy ?? null,
    learningRate: learningRateOf(dimensions, progress, progress.step - 1),
    seconds,
    imagesPerSecond: seconds > 0 ? samples / seconds : 0,
  };
}

/** Asks for a checkpoint of the commit under `progress`; training goes on meanwhile. */
export function save(turn: Turn, reason: string): void {
  const { checkpointsPending, nowMs, progress } = turn.state;
  turn.set({ checkpointsPending: checkpointsPending + 1, savedMs: nowMs, savedStep: progress.step });
  turn.do({
    tag: "checkpoint",
    checkpoint: checkpointId(turn.state),
    reason,
    saved: savedState(turn.state),
  });
}

/** Within an epoch: by steps or by time, where the spec says so, and never two at once. */
export function saveIfDue(turn: Turn): void {
  const { dimensions, progress, checkpointsPending, nowMs, savedMs, savedStep } = turn.state;
  const { everySteps, everySeconds } = dimensions.spec.checkpoint;
  if (checkpointsPending > 0) return;
  const steps = progress.step - savedStep;
  if (everySteps !== null && steps >= everySteps) return save(turn, `${steps} steps since the last`);
  const seconds = (nowMs - savedMs) / 1000;
  if (everySeconds !== null && seconds >= everySeconds) save(turn, `${seconds.toFixed(0)} s since the last`);
}

export function saveAndThen(turn: Turn, reason: string, goal: SavingGoal): void {
  save(turn, reason);
  enterSaving(turn, goal);
}

function enterSaving(turn: Turn, goal: SavingGoal): void {
  const checkpoint = checkpointId(turn.state);
  turn.enter({ tag: "saving", checkpoint, goal, sinceMs: turn.state.nowMs, retryMs: null });
}

export function afterSaving(turn: Turn, checkpoint: string): void {
  const { phase } = turn.state;
  turn.set({ lastCheckpoint: checkpoint });
  if (phase.tag !== "saving" || phase.checkpoint !== checkpoint) return;
  switch (phase.goal.tag) {
    case "train":
      return beginStep(turn);
    case "export":
      return beginExport(turn, checkpoint);
    case "end":
      return end(turn, phase.goal.outcome);
  }
}

/** `last`: the checkpoint of the run's last commit. */
export function beginExport(turn: Turn, last: string): void {
  const { dimensions, bestCheckpoint, nowMs } = turn.state;
  const best = dimensions.spec.exportWeights === "best" ? bestCheckpoint : null;
  const times = { sinceMs: nowMs, begunMs: nowMs, notBeforeMs: nowMs };
  turn.enter({ tag: "exporting", checkpoint: best ?? last, worker: null, isLateLogged: false, ...times });
  assignExport(turn);
}

/**
 * A checkpoint that the run rests on could not be written: it is tried again while the store is away, and then the run
 * ends. Another one: training goes on.
 */
export function afterFailedSaving(turn: Turn, checkpoint: string, message: string, isOutage: boolean): void {
  const { phase, nowMs } = turn.state;
  turn.log("error", `checkpoint ${checkpoint} was not written: ${message}`);
  if (phase.tag !== "saving" || phase.checkpoint !== checkpoint) return;
  if (phase.goal.tag === "train" && turn.state.progress.step > 0) return beginStep(turn);
  const isWorthWaiting = turn.state.progress.step > 0; // before the first step nothing is lost by an early end
  if (phase.goal.tag === "end" && phase.goal.outcome.tag === "interrupted")
    return end(turn, phase.goal.outcome);
  if (
    isOutage &&
    isWorthWaiting &&
    phase.goal.tag !== "end" &&
    nowMs - phase.sinceMs < limits.storePatienceMs
  ) {
    return turn.enter({ ...phase, retryMs: nowMs + limits.storeRetryMs });
  }
  end(turn, { tag: "failed", reason: `checkpoint ${checkpoint} could not be written: ${message}` });
}

/** Time has passed: what waited for the store to come back is tried again. */
export function tryAgain(turn: Turn): void {
  const { phase, nowMs } = turn.state;
  if (phase.tag === "exporting") return assignExport(turn);
  if (phase.tag !== "saving" || phase.retryMs === null || nowMs < phase.retryMs) return;
  turn.enter({ ...phase, retryMs: null });
  save(turn, "again, after the store was away");
}

/** The exporting worker met a store that is away. False when that has lasted too long. */
export function postponeExport(turn: Turn, worker: string, message: string): boolean {
  const { phase, nowMs } = turn.state;
  if (phase.tag !== "exporting" || phase.worker !== worker) return false;
  if (nowMs - phase.begunMs >= limits.storePatienceMs) return false;
  turn.log("warn", `the export waits for the store: ${message}`, { worker });
  turn.enter({ ...phase, worker: null, notBeforeMs: nowMs + limits.storeRetryMs });
  return true;
}

/** Gives the export to the first ready worker, unless one has it. */
export function assignExport(turn: Turn): void {
  const { phase, nowMs } = turn.state;
  if (phase.tag !== "exporting" || phase.worker !== null || nowMs < phase.notBeforeMs) return;
  const worker = turn.ready[0];
  if (worker === undefined) return;
  turn.enter({ ...phase, worker: worker.id, sinceMs: nowMs, isLateLogged: false });
  turn.send(worker.id, { kind: "export", checkpoint: phase.checkpoint });
}

export function takeExport(turn: Turn, worker: string, checkpoint: string, paths: readonly string[]): void {
  const { phase } = turn.state;
  const isIt = phase.tag === "exporting" && phase.checkpoint === checkpoint && phase.worker === worker;
  if (!isIt) return turn.drop(worker, "misplaced");
  turn.enter({ tag: "publishing", exported: paths });
  turn.do({ tag: "publish", checkpoint, exported: paths });
}

/** Everyone is told, unless the run goes on later, and nothing more happens. */
export function end(turn: Turn, outcome: Outcome): void {
  if (turn.state.phase.tag === "ended") return;
  turn.enter({ tag: "ended", outcome });
  for (const id of turn.state.workers.keys()) tellEnd(turn, id, outcome);
  turn.log(outcome.tag === "failed" ? "error" : "info", `run ${outcome.tag}: ${outcome.reason}`);
  turn.do({ tag: "ended", outcome });
}

/** Of a run that goes on later there is no end to tell: a worker's stream ends, and it looks for the next coordinator. */
export function tellEnd(turn: Turn, worker: string, outcome: Outcome): void {
  if (outcome.tag === "interrupted") return;
  turn.send(worker, { kind: "finished", outcome: outcome.tag, message: outcome.reason });
}

/** As `stop`, and the run goes on with the next coordinator; not where it ends for good already. */
export function interrupt(turn: Turn, reason: string): void {
  const { phase, stopRequested } = turn.state;
  if (stopRequested !== null || (phase.tag === "saving" && phase.goal.tag === "end")) return;
  stop(turn, { tag: "interrupted", reason });
}

/** Whatever is under way is dropped: the last commit is saved, if there is one, and the run ends so. */
export function stop(turn: Turn, outcome: Outcome): void {
  const { phase } = turn.state;
  turn.set({ stopRequested: outcome });
  switch (phase.tag) {
    case "gathering":
    case "initialising":
    case "restoring":
      return end(turn, outcome);
    case "training":
    case "evaluating":
      turn.log("info", `stopping: ${outcome.reason}`);
      return saveAndThen(turn, "stop", { tag: "end", outcome });
    case "saving":
      turn.enter({ ...phase, goal: { tag: "end", outcome }, retryMs: null });
      if (phase.retryMs !== null) save(turn, "stop");
      return;
    case "exporting":
      return end(turn, outcome);
    case "committing": // stops at the commit
    case "publishing": // is as good as finished
    case "ended":
      return;
  }
}
