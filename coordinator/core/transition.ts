/**
 * The coordinator's decisions: (state, event) -> (state, effects). Pure: no clock, no I/O, no randomness; the
 * same input gives the same output. Completion is looked at again on every event.
 */

import { assertNever, isStoreOutage } from "../../shared/errors.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import type { Generation } from "../../shared/ids.js";
import { asEpoch, asStep } from "../../shared/ids.js";
import { limits } from "../../shared/limits.js";
import { initialOptimizer } from "../optimizers/registry.js";
import { drawAudits, takeAuditDone, takeComparison } from "./audit.js";
import { takeDamaged } from "./damaged-samples.js";
import { maybeDecide, takeSliceCommit } from "./decision.js";
import {
  afterFailedSaving,
  afterSaving,
  assignExport,
  end,
  endEpoch,
  interrupt,
  postponeExport,
  save,
  saveAndThen,
  saveIfDue,
  stop,
  takeExport,
  tellEnd,
  tryAgain,
} from "./ending.js";
import { freshMemory } from "./epoch.js";
import { beginEvaluation, evaluationIfDone, handOutBlocks, takeBlock } from "./evaluation.js";
import type { CoreEvent, Effect, HelloEvent } from "./events.js";
import { beginInitialising, takeLoaded } from "./initialising.js";
import { beginAgainIfTainted, beginStep, handOutLanes } from "./lane-assignment.js";
import { takeLack, takeRecord, takeSettled, takeSliceReport } from "./lane-records.js";
import { hungReducer, overdue } from "./liveness/deadlines.js";
import { notePreparing, watchLateness } from "./liveness/lateness.js";
import { lose } from "./lost-worker.js";
import { admit, makeReady } from "./membership.js";
import { beginRestoring, restoredState, takeRestored } from "./restoring.js";
import type { RunDimensions } from "./run-dimensions.js";
import type { CoreState, Restored } from "./state.js";
import { dueDrains, isBanned, sendAway } from "./suspicion.js";
import { Turn } from "./turn.js";

/**
 * Assignments that failed in a row, without a commit between, after which the run fails, if there is nobody on whom none
 * has failed: one broken machine is no reason to end the others' run.
 */
const failuresLimit = 3;
/** Failures that are remembered: those of a whole fleet. */
const failuresKept = 2 * limits.lanes;

export function initialState(
  dimensions: RunDimensions,
  generation: Generation,
  version: string,
  nowMs: number,
  restored: Restored | null = null,
  salt = 0,
): CoreState {
  const fresh = { ...freshState(dimensions, generation, version, nowMs), salt };
  return restored === null ? fresh : restoredState(fresh, restored);
}

function freshState(
  dimensions: RunDimensions,
  generation: Generation,
  version: string,
  nowMs: number,
): CoreState {
  return {
    dimensions,
    waitsForWorkers: false,
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
      optimizer: initialOptimizer(dimensions.spec.optimizer),
      statistics: { sums: new Float64Array(0), decay: [] },
      totals: { lossSum: 0, correct: 0, samples: 0 },
      memory: freshMemory,
      ledger: { committed: 0, redone: 0, skipped: 0, excluded: 0 },
      exclusions: [],
      skippedInARow: 0,
    },
    phase: { tag: "gathering", sinceMs: nowMs },
    evaluation: null,
    recentStepMs: [],
    timings: [],
    stepLaneMs: [],
    recentLaneMs: [],
    recentBlockMs: [],
    placement: null,
    salt: 0,
    suspicions: new Map(),
    banned: [],
    lastSkip: null,
    lastCheckpoint: null,
    savedMs: nowMs,
    savedStep: 0,
    watchedMs: Number.NEGATIVE_INFINITY,
    bestCheckpoint: null,
    stopRequested: null,
    endedBecause: null,
    checkpointsPending: 0,
    failures: [],
    storeAwayMs: null,
    aloneSinceMs: nowMs,
    lastEpoch: null,
  };
}

export function transition(state: CoreState, event: CoreEvent): { state: CoreState; effects: Effect[] } {
  const turn = new Turn(state);
  react(turn, event);
  settle(turn);
  return { state: turn.state, effects: turn.effects };
}

/** What follows from the state as it is now, whichever event made it so. */
function settle(turn: Turn): void {
  for (const worker of dueDrains(turn)) lose(turn, worker, sendAway(turn, worker));
  beginAgainIfTainted(turn);
  drawAudits(turn);
  maybeDecide(turn);
  const evaluation = evaluationIfDone(turn.state);
  if (evaluation === null) return;
  turn.set({ storeAwayMs: null });
  endEpoch(turn, evaluation);
}

function react(turn: Turn, event: CoreEvent): void {
  switch (event.tag) {
    case "hello":
      return greet(turn, event);
    case "said":
      return hear(turn, event.worker, event.generation, event.body);
    case "left":
      return lose(turn, event.worker, event.reason);
    case "slicesUp":
      turn.set({ slices: { tag: "up", count: event.count } });
      for (const worker of turn.ready) turn.send(worker.id, { kind: "slices", slices: [], ticket: "" });
      return turn.state.restored === null ? beginInitialising(turn) : beginRestoring(turn, event.count);
    case "sliceLoaded":
      if (takeRestored(turn, event.slice)) return goOn(turn);
      return takeLoaded(turn, event.slice);
    case "sliceWhole":
      return takeSliceReport(turn, event.slice, event.step, event.report);
    case "sliceLacks":
      return takeLack(turn, event);
    case "sliceCompared":
      return takeComparison(turn, event.slice, event.step, event);
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
      return stop(turn, { tag: "stopped", reason: event.reason });
    case "interrupt":
      return interrupt(turn, event.reason);
    case "fatal":
      return end(turn, { tag: "failed", reason: event.message });
    case "tick":
      return passTime(turn, event.nowMs);
    default:
      return assertNever(event);
  }
}

function greet(turn: Turn, hello: HelloEvent): void {
  const { phase } = turn.state;
  const { worker } = hello;
  if (phase.tag === "ended") {
    tellEnd(turn, worker, phase.outcome);
    return turn.do({ tag: "disconnect", worker, reason: "the run has ended" });
  }
  if (isBanned(turn.state, worker)) {
    const reason = "it was drained before: its results were wrong";
    turn.send(worker, { kind: "drain", reason });
    return turn.do({ tag: "disconnect", worker, reason });
  }
  if (turn.state.workers.has(worker)) lose(turn, worker, "it opened a new stream");
  admit(turn, hello);
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
    case "blockResult":
      return takeBlock(turn, worker, body);
    case "exported":
      return takeExport(turn, worker, body.checkpoint, body.paths);
    case "assignmentFailed":
      if (isStoreOutage(body.code) && waitOutStore(turn, worker, body.assignment, body.message)) return;
      return takeFailure(turn, worker, body.assignment, body.message);
    case "heartbeat":
      return turn.worker(worker, { doing: body.phase });
    case "settled": {
      const failure = takeSettled(turn, worker, body.step, body.attempt);
      return failure === null ? undefined : takeFailure(turn, worker, "gradients", failure);
    }
    case "auditDone":
      return takeAuditDone(turn, worker, body);
    case "damaged":
      return takeDamaged(turn, worker, body);
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

/**
 * Where the former coordinator's checkpoint stands: before the export, at an epoch's end, or before a step. A checkpoint of
 * its own comes first, so that nothing rests on what a fenced coordinator might still delete.
 */
function goOn(turn: Turn): void {
  const { endedBecause, progress } = turn.state;
  turn.log("info", `the run goes on with step ${progress.step}`, { step: progress.step });
  if (endedBecause !== null) return saveAndThen(turn, "restored", { tag: "export" });
  save(turn, "restored");
  beginStepOrEndEpoch(turn);
}

function beginStepOrEndEpoch(turn: Turn): void {
  const { progress, dimensions } = turn.state;
  if (progress.stepInEpoch < dimensions.stepsPerEpoch) return beginStep(turn);
  if (dimensions.blocks > 0) return beginEvaluation(turn);
  endEpoch(turn, null);
}

function afterCommit(turn: Turn): void {
  const { dimensions, progress, stopRequested } = turn.state;
  turn.set({ failures: [], storeAwayMs: null });
  if (isHopeless(turn.state)) return halt(turn);
  if (stopRequested !== null) {
    return saveAndThen(turn, "stop", { tag: "end", outcome: stopRequested });
  }
  if (progress.stepInEpoch < dimensions.stepsPerEpoch) saveIfDue(turn);
  beginStepOrEndEpoch(turn);
}

/** Too many steps were skipped in a row, or one was and that is one too many: going on would only burn machines. */
function isHopeless({ dimensions, progress }: CoreState): boolean {
  const { policy, inARow } = dimensions.spec.nonFinite;
  return progress.skippedInARow >= (policy === "halt" ? 1 : inARow);
}

/** The weights are good: nothing of the skipped steps is in them. They are saved, and named. */
function halt(turn: Turn): void {
  const { progress, lastSkip, generation, dimensions } = turn.state;
  const { policy } = dimensions.spec.nonFinite;
  const steps =
    progress.skippedInARow === 1
      ? `step ${lastSkip?.step ?? 0} was`
      : `${progress.skippedInARow} steps in a row were`;
  const reason = `${steps} not finite on two computations (${lastSkip?.reason ?? ""}; --on-nonfinite ${policy}): lower --learning-rate, or look at the data. The last good checkpoint is ${generation}-${progress.step}`;
  saveAndThen(turn, "halt", { tag: "end", outcome: { tag: "failed", reason } });
}

/**
 * A store that a worker can't read for a while is no failure of anybody: the work is handed out anew until it is back.
 * False when that has lasted too long, and for a worker that prepares: its own address of the store may be wrong.
 */
function waitOutStore(turn: Turn, worker: string, assignment: string, message: string): boolean {
  if (assignment === "export") return postponeExport(turn, worker, message);
  const sinceMs = turn.state.storeAwayMs ?? turn.state.nowMs;
  if (assignment === "prepare" || turn.state.nowMs - sinceMs >= limits.storePatienceMs) return false;
  turn.set({ storeAwayMs: sinceMs });
  turn.log("warn", `worker ${worker} waits for the store (${assignment}): ${message}`, { worker });
  turn.do({ tag: "disconnect", worker, reason: message });
  lose(turn, worker, "the store is away");
  return true;
}

function takeFailure(turn: Turn, worker: string, assignment: string, message: string): void {
  const failures = [...turn.state.failures, worker].slice(-failuresKept);
  turn.set({ failures });
  turn.log("error", `worker ${worker} could not carry out ${assignment}: ${message}`, { worker });
  const isAnybodyFine = [...turn.state.workers.keys()].some((id) => !failures.includes(id));
  if (failures.length >= failuresLimit && !isAnybodyFine) {
    return end(turn, {
      tag: "failed",
      reason: `${assignment} failed ${failures.length} times in a row, at last on ${worker}: ${message}`,
    });
  }
  turn.do({ tag: "disconnect", worker, reason: message });
  lose(turn, worker, `${assignment} failed`);
}

/** Long enough between two looks at who is late: with a thousand workers every event would look at all of them. */
const watchEveryMs = 50;

function passTime(turn: Turn, nowMs: number): void {
  turn.set({ nowMs });
  const { state } = turn;
  if (state.phase.tag === "ended" || nowMs - state.watchedMs < watchEveryMs) return;
  turn.set({ watchedMs: nowMs });
  for (const { id, reason } of overdue(state)) {
    turn.do({ tag: "disconnect", worker: id, reason });
    lose(turn, id, reason);
  }
  notePreparing(turn);
  watchLateness(turn);
  const hung = hungReducer(turn.state);
  if (hung !== null) end(turn, { tag: "failed", reason: hung });
  tryAgain(turn);
  giveUpAlone(turn);
}

/** Nobody works and nobody comes. */
function giveUpAlone(turn: Turn): void {
  const { state } = turn;
  if (state.workers.size > 0) return turn.set({ aloneSinceMs: state.nowMs });
  if (state.nowMs - state.aloneSinceMs <= limits.noWorkersMs) return;
  const reason = `no worker came for ${limits.noWorkersMs / 1000} s`;
  if (!state.waitsForWorkers) return end(turn, { tag: "failed", reason });
  turn.log("warn", `${reason}: the run waits on`);
  turn.set({ aloneSinceMs: state.nowMs });
}
