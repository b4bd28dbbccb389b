/** Checkpoints: asking for one, and the phase in which the run waits for one that the next phase needs. */
import { parseCheckpointId } from "../../../shared/checkpoint.js";
import { limits } from "../../../shared/limits.js";
import type { CoreEvent } from "../events.js";
import { beginStep } from "../lane-assignment.js";
import { savedState } from "../saved.js";
import type { CoreState, Outcome, PhaseOf, SavingGoal } from "../state.js";
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import { beginExport } from "./exporting.js";
import type { PhaseHandlers } from "./phase-handlers.js";

type SavingPhase = PhaseOf<"saving">;

/** Events while the run waits for a checkpoint. */
export const saving: PhaseHandlers<"saving"> = {
  checkpointWritten: goOnAfterSaving,
  checkpointFailed: goOnWithoutCheckpoint,
  stop: stopAfterSaving,
};

/** The name of a checkpoint of the last commit. */
export const checkpointId = (state: CoreState) => `${state.run.generation}-${state.progress.step}`;

/** Asks for a checkpoint of the commit under `progress`; training goes on meanwhile. */
export function save(turn: Turn, reason: string): void {
  const { pending } = turn.state.checkpoints;
  const { nowMs } = turn;
  const { progress } = turn.state;
  turn.change("checkpoints", {
    pending: pending + 1,
    requestedMs: nowMs,
    requestedStep: progress.step,
    isDue: false,
  });
  turn.do({
    tag: "checkpoint",
    checkpoint: checkpointId(turn.state),
    reason,
    saved: savedState(turn.state),
  });
}

/** A checkpoint is whole: the work up to it is kept. */
export function noteWritten(turn: Turn, checkpoint: string): void {
  const { pending, requestedStep, requestedMs, lastMs } = turn.state.checkpoints;
  const lastStep = parseCheckpointId(checkpoint)?.step ?? null;
  turn.change("checkpoints", {
    pending: pending - 1,
    last: checkpoint,
    lastStep,
    lastMs: lastStep === requestedStep ? requestedMs : lastMs,
    failure: null,
  });
}

/** A checkpoint could not be written. The status says so until one is written. */
export function noteFailed(turn: Turn, checkpoint: string, message: string): void {
  const { pending, failure } = turn.state.checkpoints;
  const sinceMs = failure?.sinceMs ?? turn.nowMs;
  turn.change("checkpoints", { pending: pending - 1, failure: { message, sinceMs } });
  turn.log("error", `checkpoint ${checkpoint} was not written: ${message}`);
}

/** Within an epoch: by steps, or when the wait for the next checkpoint was over, and never two at once. */
export function saveIfDue(turn: Turn): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const { pending, requestedStep, isDue } = turn.state.checkpoints;
  const { everySteps, everySeconds } = dimensions.spec.checkpoint;
  if (pending > 0) return;
  const steps = progress.step - requestedStep;
  if (everySteps !== null && steps >= everySteps) return save(turn, `${steps} steps since the last`);
  if (isDue) save(turn, `${everySeconds} s since the last`);
}

export function saveAndThen(turn: Turn, reason: string, goal: SavingGoal): void {
  save(turn, reason);
  enterSaving(turn, goal);
}

export function enterSaving(turn: Turn, goal: SavingGoal): void {
  const checkpoint = checkpointId(turn.state);
  turn.enter({ tag: "saving", checkpoint, goal, sinceMs: turn.nowMs, retryMs: null, failure: null });
}

function goOnAfterSaving(
  turn: Turn,
  phase: SavingPhase,
  { checkpoint }: Extract<CoreEvent, { tag: "checkpointWritten" }>,
): void {
  if (phase.checkpoint !== checkpoint) return;
  switch (phase.goal.tag) {
    case "train":
      return beginStep(turn);
    case "export":
      return beginExport(turn, checkpoint);
    case "end":
      return end(turn, phase.goal.outcome);
  }
}

/**
 * The checkpoint that the run waits for could not be written. An outage of the store is waited out; a checkpoint at the
 * end of an epoch is left out; otherwise the run ends.
 */
function goOnWithoutCheckpoint(
  turn: Turn,
  phase: SavingPhase,
  { checkpoint, message, isOutage }: Extract<CoreEvent, { tag: "checkpointFailed" }>,
): void {
  const { nowMs } = turn;
  if (phase.checkpoint !== checkpoint) return;
  if (phase.goal.tag === "train" && turn.state.progress.step > 0) return beginStep(turn);
  const isWorthWaiting = turn.state.progress.step > 0; // before the first step nothing is lost by an early end
  if (phase.goal.tag === "end" && phase.goal.outcome.tag === "interrupted")
    return end(turn, phase.goal.outcome);
  turn.update("saving", { failure: message });
  if (isOutage === true && isWorthWaiting && phase.goal.tag !== "end") {
    return turn.update("saving", { retryMs: nowMs + limits.storeRetryMs });
  }
  giveUpSaving(turn);
}

/** The run ends without the checkpoint that it waits for. */
export function giveUpSaving(turn: Turn): void {
  const { checkpoint, failure } = turn.in("saving");
  const why = failure ?? "the store does not say whether it has it";
  end(turn, { tag: "failed", reason: `checkpoint ${checkpoint} could not be written: ${why}` });
}

/** A checkpoint that was not written during an outage of the store is written now. */
export function retrySaving(turn: Turn): void {
  turn.update("saving", { retryMs: null });
  save(turn, "again, after the store was away");
}

/** The checkpoint that is being written is the run's last one. A run that ends anyway is not interrupted. */
function stopAfterSaving(turn: Turn, phase: SavingPhase, outcome: Outcome): void {
  if (phase.goal.tag === "end" && outcome.tag === "interrupted") return;
  turn.update("saving", { goal: { tag: "end", outcome }, retryMs: null });
  if (phase.retryMs !== null) save(turn, "stop");
}
