/** A resumed run: the slices take the vectors of the checkpoint. Then the run goes on where the checkpoint stood. */
import type { CoreEvent } from "../events.js";
import { invariant } from "../invariants.js";
import type { PhaseOf } from "../state.js";
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import { beginStepOrEndEpoch } from "./next-step.js";
import type { PhaseHandlers } from "./phase-handlers.js";
import { save, saveAndThen } from "./saving.js";

/** Events while the slices take a checkpoint's vectors. */
export const restoring: PhaseHandlers<"restoring"> = {
  sliceLoaded: takeRestored,
  stop: (turn, _phase, outcome) => end(turn, outcome),
};

/** The slices are up and empty: they take the vectors of the checkpoint. */
export function beginRestoring(turn: Turn, slices: number): void {
  const { restored } = turn.state.run;
  const { progress } = turn.state;
  invariant(restored !== null, "a new run has no checkpoint to restore");
  const { checkpoint } = restored;
  const loaded = Array.from({ length: slices }, () => false);
  turn.enter({ tag: "restoring", checkpoint, loaded, sinceMs: turn.nowMs });
  turn.do({ tag: "restore", checkpoint, step: progress.step });
}

/** A slice holds its part. After the last one the clock of the epoch, which stood still, goes on. */
function takeRestored(
  turn: Turn,
  phase: PhaseOf<"restoring">,
  { slice }: Extract<CoreEvent, { tag: "sliceLoaded" }>,
): void {
  const { restored } = turn.state.run;
  const { nowMs } = turn;
  invariant(restored !== null, "a new run has no checkpoint to restore");
  const loaded = phase.loaded.map((known, index) => known || index === slice);
  turn.update("restoring", { loaded });
  if (!loaded.every(Boolean)) return;
  turn.change("clock", { epochStartedMs: nowMs - restored.saved.epochElapsedMs });
  goOn(turn);
}

/**
 * Where the former coordinator's checkpoint stands: before the export, at an epoch's end, or before a step. A checkpoint of
 * its own comes first, so that nothing rests on what a fenced coordinator might still delete.
 */
function goOn(turn: Turn): void {
  const { endedBecause } = turn.state.ending;
  const { progress } = turn.state;
  turn.log("info", `the run goes on with step ${progress.step}`, { step: progress.step });
  if (endedBecause !== null) return saveAndThen(turn, "restored", { tag: "export" });
  save(turn, "restored");
  beginStepOrEndEpoch(turn);
}
