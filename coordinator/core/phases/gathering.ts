/** The run waits for its first ready worker, and then for the slices to start. */
import type { CoreEvent } from "../events.js";
import type { PhaseOf } from "../state.js";
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import { beginInitialising } from "./initialising.js";
import type { PhaseHandlers } from "./phase-handlers.js";
import { beginRestoring } from "./restoring.js";

/** Events while the run has no slices yet. */
export const gathering: PhaseHandlers<"gathering"> = {
  slicesUp: takeSlices,
  stop: (turn, _phase, outcome) => end(turn, outcome),
};

function takeSlices(
  turn: Turn,
  _phase: PhaseOf<"gathering">,
  { count }: Extract<CoreEvent, { tag: "slicesUp" }>,
): void {
  if (turn.state.run.restored === null) beginInitialising(turn, count);
  else beginRestoring(turn, count);
}
