/** Lanes of one step are computed. The step ends with one decision, when every lane and slice is there. */
import { drawAudits, dropAuditsOf, takeAuditDone, takeComparison } from "../audit.js";
import { takeDamagedLanes } from "../damaged-samples.js";
import { maybeDecide } from "../decision.js";
import { beginAgainIfTainted, handOutLanes, reopenLanes, type TrainingPhase } from "../lane-assignment.js";
import { takeLack, takeRecord, takeSettledShare, takeSliceReport } from "../lane-records.js";
import type { Outcome } from "../state.js";
import type { Turn } from "../turn.js";
import type { PhaseHandlers } from "./phase-handlers.js";
import { saveAndThen } from "./saving.js";

/** Events while lanes are computed. */
export const training: PhaseHandlers<"training"> = {
  workerReady: (turn) => handOutLanes(turn),
  workerLost: loseWorker,
  laneRecord: takeRecord,
  shareSettled: takeSettledShare,
  auditDone: takeAuditDone,
  damaged: takeDamagedLanes,
  sliceWhole: takeSliceReport,
  sliceLacks: takeLack,
  sliceCompared: (turn, _phase, event) => takeComparison(turn, event),
  stop: stopTraining,
  settle: settleStep,
};

function loseWorker(turn: Turn, _phase: TrainingPhase, worker: string): void {
  dropAuditsOf(turn, worker);
  reopenLanes(turn, worker);
}

/** The step under way is dropped; the last commit is saved. */
function stopTraining(turn: Turn, _phase: TrainingPhase, outcome: Outcome): void {
  turn.log("info", `stopping: ${outcome.reason}`);
  saveAndThen(turn, "stop", { tag: "end", outcome });
}

function settleStep(turn: Turn): void {
  beginAgainIfTainted(turn);
  drawAudits(turn);
  maybeDecide(turn);
}
