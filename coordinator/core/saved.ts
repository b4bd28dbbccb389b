/** The part of the core's state that a checkpoint keeps, and the state of a coordinator that resumes from it. */
import type { RunSpec } from "../../shared/spec.js";
import { reasonToStop } from "./epoch.js";
import type { CoreState, Restored, SavedState } from "./state.js";

export function savedState(state: CoreState): SavedState {
  const { progress } = state;
  const { evaluation, lastEpoch } = state.results;
  const { best: bestCheckpoint } = state.checkpoints;
  const { endedBecause } = state.ending;
  const { fingerprints, joined } = state.membership;
  return {
    progress,
    evaluation,
    lastEpoch,
    bestCheckpoint,
    endedBecause,
    fingerprints,
    joined,
    elapsedMs: state.clock.nowMs - state.clock.startedMs,
    epochElapsedMs: state.clock.nowMs - state.clock.epochStartedMs,
  };
}

/** `fresh`: the state of a run's beginning. Samples that are computed once more are entered as redone. */
export function restoredState(fresh: CoreState, restored: Restored): CoreState {
  const { layout, saved, redone } = restored;
  const { progress } = saved;
  return {
    ...fresh,
    clock: {
      ...fresh.clock,
      startedMs: fresh.clock.nowMs - saved.elapsedMs,
      epochStartedMs: fresh.clock.nowMs - saved.epochElapsedMs,
    },
    membership: { ...fresh.membership, joined: saved.joined, fingerprints: saved.fingerprints },
    model: { ...fresh.model, layout },
    progress: { ...progress, ledger: { ...progress.ledger, redone: progress.ledger.redone + redone } },
    checkpoints: {
      ...fresh.checkpoints,
      last: restored.checkpoint,
      lastStep: progress.step,
      best: saved.bestCheckpoint,
      requestedStep: progress.step,
    },
    results: { ...fresh.results, evaluation: saved.evaluation, lastEpoch: saved.lastEpoch },
    ending: { ...fresh.ending, endedBecause: reasonItEnded(fresh.run.dimensions.spec, saved) },
  };
}

/** The run may have other epochs or another patience by now: at an epoch's end it is decided again whether it goes on. */
export function reasonItEnded(spec: RunSpec, saved: SavedState): string | null {
  const { progress, lastEpoch } = saved;
  if (lastEpoch === null || progress.stepInEpoch > 0) return saved.endedBecause;
  return reasonToStop(spec, progress.memory.stopping, lastEpoch);
}
