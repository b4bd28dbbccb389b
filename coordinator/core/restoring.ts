/**
 * Going on from a former coordinator's checkpoint: its state is taken over at the start, its vectors go into the
 * slices once these are up. Nothing is initialised; what comes next is where the checkpoint stood (transition.ts).
 */
import type { RunSpec } from "../../shared/spec.js";
import { reasonToStop } from "./epoch.js";
import type { CoreState, Restored, SavedState } from "./state.js";
import type { Turn } from "./turn.js";

/** `fresh`: the state of a run's beginning. Samples that are computed once more are entered as redone. */
export function restoredState(fresh: CoreState, restored: Restored): CoreState {
  const { layout, saved, redone } = restored;
  const { progress } = saved;
  return {
    ...fresh,
    restored,
    layout,
    progress: { ...progress, ledger: { ...progress.ledger, redone: progress.ledger.redone + redone } },
    evaluation: saved.evaluation,
    lastEpoch: saved.lastEpoch,
    bestCheckpoint: saved.bestCheckpoint,
    lastCheckpoint: restored.checkpoint,
    savedStep: progress.step,
    endedBecause: reasonItEnded(fresh.dimensions.spec, saved),
    fingerprints: saved.fingerprints,
    joined: saved.joined,
    startedMs: fresh.nowMs - saved.elapsedMs,
    epochStartedMs: fresh.nowMs - saved.epochElapsedMs,
  };
}

/** The run may have other epochs or another patience by now: at an epoch's end it is decided again whether it goes on. */
export function reasonItEnded(spec: RunSpec, saved: SavedState): string | null {
  const { progress, lastEpoch } = saved;
  if (lastEpoch === null || progress.stepInEpoch > 0) return saved.endedBecause;
  return reasonToStop(spec, progress.memory.stopping, lastEpoch);
}

/** The slices are up and empty. */
export function beginRestoring(turn: Turn, slices: number): void {
  const { restored, phase, progress } = turn.state;
  if (restored === null || phase.tag !== "gathering") return;
  const { checkpoint } = restored;
  turn.enter({ tag: "restoring", checkpoint, loaded: Array.from({ length: slices }, () => false) });
  turn.do({ tag: "restore", checkpoint, step: progress.step });
}

/** A slice holds its part. True when it was the last: the epoch's clock, which stood still, goes on. */
export function takeRestored(turn: Turn, slice: number): boolean {
  const { phase, restored, nowMs } = turn.state;
  if (phase.tag !== "restoring" || restored === null) return false;
  const loaded = phase.loaded.map((known, index) => known || index === slice);
  turn.enter({ ...phase, loaded });
  if (!loaded.every(Boolean)) return false;
  turn.set({ epochStartedMs: nowMs - restored.saved.epochElapsedMs });
  return true;
}
