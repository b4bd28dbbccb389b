/** The validation split is predicted at the end of an epoch. Training waits until every block is done. */
import { takeDamagedBlocks } from "../damaged-samples.js";
import {
  type EvaluatingPhase,
  evaluationIfDone,
  handOutBlocks,
  reopenBlocks,
  takeBlock,
} from "../evaluation.js";
import type { Outcome } from "../state.js";
import type { Turn } from "../turn.js";
import { endEpoch } from "./epoch-end.js";
import type { PhaseHandlers } from "./phase-handlers.js";
import { saveAndThen } from "./saving.js";

/** Events while the validation split is predicted. */
export const evaluating: PhaseHandlers<"evaluating"> = {
  workerReady: (turn) => handOutBlocks(turn),
  workerLost: (turn, _phase, worker) => reopenBlocks(turn, worker),
  blockResult: takeBlock,
  damaged: takeDamagedBlocks,
  stop: stopEvaluating,
  settle: settleEvaluation,
};

/** The evaluation is dropped; the last commit is saved. */
function stopEvaluating(turn: Turn, _phase: EvaluatingPhase, outcome: Outcome): void {
  turn.log("info", `stopping: ${outcome.reason}`);
  saveAndThen(turn, "stop", { tag: "end", outcome });
}

function settleEvaluation(turn: Turn, phase: EvaluatingPhase): void {
  const evaluation = evaluationIfDone(turn.state, phase);
  if (evaluation === null) return;
  turn.change("membership", { storeAway: null });
  endEpoch(turn, evaluation);
}
