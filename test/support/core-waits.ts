/** Checks that a run never stands still without a limit: everything that it waits for has one, or is a named lasting wait. */
import { waitsOf } from "../../coordinator/core/liveness/waits.js";
import type { CoreState } from "../../coordinator/core/state.js";
import { lastingWaits } from "../../shared/lasting-waits.js";

/** What is wrong with the waits of the state, in a sentence; null: nothing. */
export function problemOfWaits(state: CoreState): string | null {
  const waits = waitsOf(state);
  if (state.phase.tag === "ended") return waits.length === 0 ? null : "a run that has ended waits";
  if (waits.length === 0) return `a run that is ${state.phase.tag} waits for nothing`;
  const endless = waits.find(({ until }) =>
    typeof until === "number" ? !Number.isFinite(until) : until !== "shell" && !(until in lastingWaits),
  );
  if (endless !== undefined) return `the wait for ${endless.what} of ${endless.from} has no limit`;
  const isMoving = waits.some(({ what }) => what !== "heartbeat");
  return isMoving || isExempt(state) ? null : `a run that is ${state.phase.tag} waits for heartbeats alone`;
}

/**
 * Known holes, all of them while a step is trained. A worker whose record was not accepted counts as idle before it has
 * settled its share; an audit whose auditor reported damage is settled without an answer. Until a worker moves, nothing but
 * heartbeats has a limit.
 */
function isExempt({ phase, workers }: CoreState): boolean {
  if (phase.tag !== "training") return false;
  return phase.audits.length > 0 || [...workers.values()].some(({ shares }) => shares.length > 0);
}
