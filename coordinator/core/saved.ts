/** The part of the core's state that a checkpoint keeps, and the state of a coordinator that resumes from it. */
import type { RunSpec } from "../../shared/spec.js";
import { reasonToStop } from "./epoch.js";
import type { CoreState, Restored, SavedState } from "./state.js";

export function savedState(state: CoreState): SavedState {
  const { progress, evaluation, lastEpoch, bestCheckpoint, endedBecause, fingerprints, joined } = state;
  return {
    progress,
    evaluation,
    lastEpoch,
    bestCheckpoint,
    endedBecause,
    fingerprints,
    joined,
    elapsedMs: state.nowMs - state.startedMs,
    epochElapsedMs: state.nowMs - state.epochStartedMs,
  };
}

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
