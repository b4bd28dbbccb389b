/**
 * Pauses of the coordinator itself: garbage collection, a suspended laptop, a busy host. Ticks come every 100 ms; after a
 * much longer gap the coordinator did not run. That time is counted against nobody: the core's clock stands still, so that
 * heartbeats, deadlines and lateness don't see it. The run's and the epoch's duration contain it.
 */
import { limits } from "../../../shared/limits.js";
import type { Turn } from "../turn.js";

/** What passes for the core in a gap between two ticks that is a pause. */
const tickMs = 100;

/** Moves the core's clock on, by the time that the coordinator has run since the last tick. */
export function advanceClock(turn: Turn, tickedMs: number): void {
  const { clock, checkpoints } = turn.state;
  if (clock.tickedMs === null) return turn.change("clock", { nowMs: tickedMs, tickedMs });
  const gapMs = tickedMs - clock.tickedMs;
  if (gapMs <= limits.pauseMs) return turn.change("clock", { nowMs: clock.nowMs + gapMs, tickedMs });
  const pausedMs = gapMs - tickMs;
  turn.change("clock", {
    nowMs: clock.nowMs + tickMs,
    tickedMs,
    startedMs: clock.startedMs - pausedMs,
    epochStartedMs: clock.epochStartedMs - pausedMs,
  });
  turn.change("checkpoints", { requestedMs: checkpoints.requestedMs - pausedMs });
  turn.log(
    "warn",
    `the coordinator stood still for ${(gapMs / 1000).toFixed(1)} s: the time is counted against no worker`,
  );
}
