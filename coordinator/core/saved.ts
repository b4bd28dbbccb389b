/** What a checkpoint keeps of the core's state. The vectors are the reducers'; how it is written is the shell's. */
import type { CoreState, SavedState } from "./state.js";

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
