/** After a commit or a restored checkpoint: the next step, or the end of the epoch. */
import { beginEvaluation } from "../evaluation.js";
import { beginStep } from "../lane-assignment.js";
import type { Turn } from "../turn.js";
import { endEpoch } from "./epoch-end.js";

/** Begins the step that `progress` stands at; behind the epoch's last step its evaluation, or the next epoch. */
export function beginStepOrEndEpoch(turn: Turn): void {
  const { progress } = turn.state;
  const { dimensions } = turn.state.run;
  if (progress.stepInEpoch < dimensions.stepsPerEpoch) return beginStep(turn);
  if (dimensions.blocks > 0) return beginEvaluation(turn);
  endEpoch(turn, null);
}
