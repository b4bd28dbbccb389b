/** Checks that a run never stands still without a limit: everything that it waits for has one, or is a named lasting wait. */
import { waitsOf } from "../../coordinator/core/liveness/waits.js";
import type { CoreState } from "../../coordinator/core/state.js";
import { lastingWaits } from "../../shared/lasting-waits.js";

/**
 * What is wrong with the waits of the state, in a sentence; null: nothing. Heartbeats alone move nothing, because workers
 * send them whatever becomes of their work: there must be another wait.
 */
export function problemOfWaits(state: CoreState): string | null {
  const waits = waitsOf(state);
  if (state.phase.tag === "ended") return waits.length === 0 ? null : "a run that has ended waits";
  const endless = waits.find(({ until }) =>
    typeof until === "number" ? !Number.isFinite(until) : !(until in lastingWaits),
  );
  if (endless !== undefined) return `the wait for ${endless.what} of ${endless.from} has no limit`;
  const isMoving = waits.some(({ what }) => what !== "heartbeat" && what !== "the next checkpoint");
  return isMoving ? null : `a run that is ${state.phase.tag} waits for nothing that moves it`;
}
