/** The state in which a coordinator begins: that of a new run, or that of the checkpoint from which it goes on. */
import { initialOptimizer } from "../optimizers/registry.js";
import { freshMemory } from "./epoch.js";
import { restoredState } from "./saved.js";
import type { CoreState, RunFacts, RunStart } from "./state.js";

export function initialState(start: RunStart, nowMs: number): CoreState {
  const fresh = freshState({ waitsForWorkers: false, restored: null, salt: 0, ...start }, nowMs);
  return fresh.run.restored === null ? fresh : restoredState(fresh, fresh.run.restored);
}

function freshState(run: RunFacts, nowMs: number): CoreState {
  return {
    run,
    clock: {
      nowMs,
      tickedMs: null,
      startedMs: nowMs,
      epochStartedMs: nowMs,
      watchedMs: Number.NEGATIVE_INFINITY,
    },
    progress: {
      step: 0,
      epoch: 0,
      stepInEpoch: 0,
      optimizer: initialOptimizer(run.dimensions.spec.optimizer),
      statistics: { sums: new Float64Array(0), decay: [] },
      totals: { lossSum: 0, correct: 0, samples: 0 },
      memory: freshMemory,
      ledger: { committed: 0, redone: 0, skipped: 0, excluded: 0 },
      exclusions: [],
      skippedInARow: 0,
    },
    phase: { tag: "gathering", sinceMs: nowMs },
    workers: new Map(),
    membership: {
      joined: 0,
      fingerprints: [],
      suspicions: new Map(),
      banned: [],
      failures: [],
      aloneSinceMs: nowMs,
      storeAway: null,
      preparationCuts: 0,
    },
    model: { layout: null, slices: { tag: "none" } },
    placement: null,
    measured: { recentStepMs: [], timings: [], stepLaneMs: [], recentLaneMs: [], recentBlockMs: [] },
    checkpoints: {
      last: null,
      lastStep: null,
      lastMs: nowMs,
      best: null,
      failure: null,
      requestedMs: nowMs,
      requestedStep: 0,
      isDue: false,
      pending: 0,
    },
    results: { evaluation: null, lastEpoch: null, lastSkip: null },
    ending: { stopRequested: null, endedBecause: null },
  };
}
