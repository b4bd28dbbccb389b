/** Curve, report and result of the run are written. A stop comes too late: the run is as good as finished. */
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import type { PhaseHandlers } from "./phase-handlers.js";

/** Events while the result is written. */
export const publishing: PhaseHandlers<"publishing"> = {
  publishingDelayed: (turn, _phase, { message }) => turn.update("publishing", { failure: message }),
  published: finish,
};

function finish(turn: Turn): void {
  end(turn, { tag: "finished", reason: turn.state.ending.endedBecause ?? "the model is exported" });
}
