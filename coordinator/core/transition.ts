/**
 * The coordinator's decisions: (state, event) -> (state, effects). Pure: no clock, no I/O, no randomness; the
 * same input gives the same output. Completion is looked at again on every event.
 */

import { assertNever, isStoreOutage } from "../../shared/errors.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import type { Generation } from "../../shared/ids.js";
import { asEpoch, asStep } from "../../shared/ids.js";
import { limits } from "../../shared/limits.js";
import {
  afterFailedSaving,
  afterSaving,
  assignExport,
  beginExport,
  end,
  endEpoch,
  lateExporter,
  postponeExport,
  saveAndThen,
  stop,
  takeExport,
  tellEnd,
  tryAgain,
} from "./ending.js";
import { freshMemory } from "./epoch.js";
import { beginEvaluation, handOutBlocks, lateEvaluators, reopenBlocks, takeBlock } from "./evaluation.js";
import type { CoreEvent, Effect } from "./events.js";
import { admit, makeReady, overdueWorkers, remove } from "./membership.js";
import { initialOptimizer } from "./optimizer.js";
import type { RunPlan } from "./plan.js";
import { beginRestoring, restoredState, takeRestored } from "./restoring.js";
import type { CoreState, Restored } from "./state.js";
import {
  beginStep,
  handOutLanes,
  isHopeless,
  lateWorkers,
  reopenLanes,
  takeRecord,
  takeSliceCommit,
  takeSliceReport,
} from "./step.js";
import { Turn } from "./turn.js";

/** Assignments that failed in a row, without a commit between, after which the run fails. */
const failuresLimit = 3;

export function initialState(
  plan: RunPlan,
  generation: Generation,
  version: string,
  nowMs: number,
  restored: Restored | null = null,
): CoreState {
  const fresh = freshState(plan, generation, version, nowMs);
  return restored === null ? fresh : restoredState(fresh, restored);
}

function freshState(plan: RunPlan, generation: Generation, version: string, nowMs: number): CoreState {
  return {
    plan,
    generation,
    version,
    nowMs,
    startedMs: nowMs,
    epochStartedMs: nowMs,
    workers: new Map(),
    restored: null,
    joined: 0,
    fingerprints: [],
    layout: null,
    slices: { tag: "none" },
    progress: {
      step: asStep(0),
      epoch: asEpoch(0),
      stepInEpoch: 0,
      optimizer: initialOptimizer(plan.spec.optimizer),
      statistics: { sums: new Float64Array(0), decay: [] },
      totals: { lossSum: 0, correct: 0, samples: 0 },
      memory: freshMemory,
      ledger: { committed: 0, redone: 0, skipped: 0, excluded: 0 },
      skippedInARow: 0,
    },
    phase: { tag: "gathering", sinceMs: nowMs },
    evaluation: null,
    recentStepMs: [],
    bestCheckpoint: null,
    stopRequested: null,
    endedBecause: null,
    checkpointsPending: 0,
    failuresInARow: 0,
    aloneSinceMs: nowMs,
    lastEpoch: null,
  };
}

export function transition(state: CoreState, event: CoreEvent): { state: CoreState; effects: Effect[] } {
  const turn = new Turn(state);
  react(turn, event);
  return { state: turn.state, effects: turn.effects };
}

function react(turn: Turn, event: CoreEvent): void {
  switch (event.tag) {
    case "hello": {
      const { phase } = turn.state;
      if (phase.tag === "ended") {
        tellEnd(turn, event.worker, phase.outcome);
        return turn.do({ tag: "disconnect", worker: event.worker, reason: "the run has ended" });
      }
      if (turn.state.workers.has(event.worker)) lose(turn, event.worker, "it opened a new stream");
      admit(turn, event);
      return;
    }
    case "said":
      return hear(turn, event.worker, event.generation, event.body);
    case "left":
      return lose(turn, event.worker, event.reason);
    case "slicesUp":
      turn.set({ slices: { tag: "up", count: event.count } });
      for (const worker of turn.ready) turn.send(worker.id, { kind: "slices", slices: [] });
      return turn.state.restored === null ? beginInitialising(turn) : beginRestoring(turn, event.count);
    case "sliceLoaded":
      if (takeRestored(turn, event.slice)) return goOn(turn);
      return takeLoaded(turn, event.slice);
    case "sliceWhole":
      return takeSliceReport(turn, event.slice, event.step, event.report);
    case "sliceCompared":
      return; // not used yet
    case "sliceCommitted":
      if (takeSliceCommit(turn, event.slice, event.step, event.checksum)) afterCommit(turn);
      return;
    case "checkpointWritten":
      turn.set({ checkpointsPending: turn.state.checkpointsPending - 1 });
      return afterSaving(turn, event.checkpoint);
    case "checkpointFailed":
      turn.set({ checkpointsPending: turn.state.checkpointsPending - 1 });
      return afterFailedSaving(turn, event.checkpoint, event.message, event.isOutage === true);
    case "published":
      return end(turn, { tag: "finished", reason: turn.state.endedBecause ?? "the model is exported" });
    case "stop":
      return stop(turn, event.reason);
    case "fatal":
      return end(turn, { tag: "failed", reason: event.message });
    case "tick":
      return passTime(turn, event.nowMs);
    default:
      return assertNever(event);
  }
}

function hear(turn: Turn, worker: string, generation: number, body: WorkerBody): void {
  if (!turn.state.workers.has(worker)) return turn.drop(worker, "unknown worker");
  if (generation !== turn.state.generation) return turn.drop(worker, "stale generation");
  turn.worker(worker, { heardMs: turn.state.nowMs });
  switch (body.kind) {
    case "hello":
      return turn.drop(worker, "misplaced");
    case "ready":
      makeReady(turn, worker, body.layoutJson);
      return resume(turn);
    case "initialised": // what counts is that the slices hold the weights
      return;
    case "laneRecord":
      return takeRecord(turn, worker, body);
    case "blockResult": {
      const evaluation = takeBlock(turn, worker, body);
      if (evaluation !== null) endEpoch(turn, evaluation);
      return;
    }
    case "exported":
      return takeExport(turn, worker, body.checkpoint, body.paths);
    case "assignmentFailed":
      if (
        body.assignment === "export" &&
        isStoreOutage(body.code) &&
        postponeExport(turn, worker, body.message)
      ) {
        return;
      }
      return takeFailure(turn, worker, body.assignment, body.message);
    case "heartbeat":
      return turn.worker(worker, { doing: body.phase });
    case "settled":
    case "auditDone":
    case "damaged":
      return; // not used yet
    case "leaving":
      turn.do({ tag: "disconnect", worker, reason: body.reason });
      return lose(turn, worker, body.reason);
    default:
      return assertNever(body);
  }
}

/** Somebody got ready: whatever waits for hands gets them. */
function resume(turn: Turn): void {
  switch (turn.state.phase.tag) {
    case "gathering":
    case "initialising":
      return turn.state.restored === null ? beginInitialising(turn) : undefined;
    case "training":
      return handOutLanes(turn);
    case "evaluating":
      return handOutBlocks(turn);
    case "exporting":
      return assignExport(turn);
    case "restoring":
    case "saving":
    case "committing":
    case "publishing":
    case "ended":
      return;
    default:
      return assertNever(turn.state.phase);
  }
}

/** Checkpoint 0's weights are built once, by one worker; another takes over if it is lost. */
function beginInitialising(turn: Turn): void {
  const { phase, slices, nowMs } = turn.state;
  if (slices.tag !== "up") return;
  if (phase.tag !== "gathering" && !(phase.tag === "initialising" && phase.worker === null)) return;
  const worker = turn.ready[0]?.id ?? null;
  const loaded =
    phase.tag === "initialising" ? phase.loaded : Array.from({ length: slices.count }, () => false);
  turn.enter({ tag: "initialising", worker, sinceMs: nowMs, loaded });
  if (worker !== null) turn.send(worker, { kind: "initialise" });
}

function takeLoaded(turn: Turn, slice: number): void {
  const { phase } = turn.state;
  if (phase.tag !== "initialising") return;
  const loaded = phase.loaded.map((known, index) => known || index === slice);
  turn.enter({ ...phase, loaded });
  if (loaded.every(Boolean)) {
    turn.set({ epochStartedMs: turn.state.nowMs });
    saveAndThen(turn, "initial weights", "train");
  }
}

/** Where the former coordinator's checkpoint stands: before the export, at an epoch's end, or before a step. */
function goOn(turn: Turn): void {
  const { restored, endedBecause, progress } = turn.state;
  turn.log("info", `the run goes on with step ${progress.step}`, { step: progress.step });
  if (restored !== null && endedBecause !== null) return beginExport(turn, restored.checkpoint);
  beginStepOrEndEpoch(turn);
}

function beginStepOrEndEpoch(turn: Turn): void {
  const { progress, plan } = turn.state;
  if (progress.stepInEpoch < plan.stepsPerEpoch) return beginStep(turn);
  if (plan.blocks > 0) return beginEvaluation(turn);
  endEpoch(turn, null);
}

function afterCommit(turn: Turn): void {
  const { progress, stopRequested } = turn.state;
  turn.set({ failuresInARow: 0 });
  if (isHopeless(progress)) {
    return end(turn, {
      tag: "failed",
      reason: `${progress.skippedInARow} steps in a row were not finite: lower --learning-rate, or look at the data. The last good checkpoint is the newest under checkpoints/`,
    });
  }
  if (stopRequested !== null) return saveAndThen(turn, "stop", "end");
  beginStepOrEndEpoch(turn);
}

function takeFailure(turn: Turn, worker: string, assignment: string, message: string): void {
  const failuresInARow = turn.state.failuresInARow + 1;
  turn.set({ failuresInARow });
  turn.log("error", `worker ${worker} could not carry out ${assignment}: ${message}`, { worker });
  if (failuresInARow >= failuresLimit) {
    return end(turn, {
      tag: "failed",
      reason: `${assignment} failed ${failuresInARow} times in a row, at last on ${worker}: ${message}`,
    });
  }
  turn.do({ tag: "disconnect", worker, reason: message });
  lose(turn, worker, `${assignment} failed`);
}

/** A worker is gone. Its unfinished work goes to others within the same step or block. */
function lose(turn: Turn, worker: string, reason: string): void {
  if (!turn.state.workers.has(worker)) return;
  remove(turn, worker, reason);
  reopenLanes(turn, worker);
  reopenBlocks(turn, worker);
  const { phase } = turn.state;
  if (phase.tag === "initialising" && phase.worker === worker) {
    turn.enter({ ...phase, worker: null });
    beginInitialising(turn);
  }
  if (phase.tag === "exporting" && phase.worker === worker) {
    turn.enter({ ...phase, worker: null });
    assignExport(turn);
  }
}

function passTime(turn: Turn, nowMs: number): void {
  turn.set({ nowMs });
  const { state } = turn;
  if (state.phase.tag === "ended") return;
  const late = [
    ...overdueWorkers(state),
    ...lateWorkers(state),
    ...lateEvaluators(state),
    ...lateExporter(state),
  ];
  for (const { id, reason } of late) {
    turn.do({ tag: "disconnect", worker: id, reason });
    lose(turn, id, reason);
  }
  tryAgain(turn);
  giveUpAlone(turn);
}

/** Nobody works and nobody comes. */
function giveUpAlone(turn: Turn): void {
  const { state } = turn;
  if (state.workers.size > 0) return turn.set({ aloneSinceMs: state.nowMs });
  if (state.nowMs - state.aloneSinceMs > limits.noWorkersMs) {
    end(turn, { tag: "failed", reason: `no worker came for ${limits.noWorkersMs / 1000} s` });
  }
}
