/**
 * The coordinator's decisions: (state, event) -> (state, effects). Pure: no clock, no I/O, no randomness; the
 * same input gives the same output. Completion is looked at again on every event.
 */

import { assertNever, isStoreOutage } from "../../shared/errors.js";
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { limits } from "../../shared/limits.js";
import type { CoreEvent, Effect, HelloEvent } from "./events.js";
import { checkState } from "./invariants.js";
import { countRecord } from "./lane-records.js";
import { advanceClock } from "./liveness/pauses.js";
import { noteProgress, settleShare } from "./liveness/speed.js";
import { fireDueWaits } from "./liveness/waits.js";
import { lose } from "./lost-worker.js";
import { admit, makeReady } from "./membership.js";
import {
  answerToPhase,
  eventToPhase,
  outageToPhase,
  progressToPhase,
  readyToPhase,
  settledToPhase,
  settlePhase,
  stopPhase,
} from "./phases/dispatch.js";
import { end, tellEnd } from "./phases/ended.js";
import { noteFailed, noteWritten } from "./phases/saving.js";
import type { CoreState, Outcome } from "./state.js";
import { dueDrains, isBanned, sendAway } from "./suspicion.js";
import { Turn } from "./turn.js";

/**
 * Assignments that failed in a row, without a commit between, after which the run fails, if there is nobody on whom none
 * has failed: one broken machine is no reason to end the others' run.
 */
const failuresLimit = 3;
/** Number of failures that are kept: enough for one of each worker of a large fleet. */
const failuresKept = 2 * limits.lanes;

export function transition(state: CoreState, event: CoreEvent): { state: CoreState; effects: Effect[] } {
  const turn = new Turn(state);
  react(turn, event);
  for (const worker of dueDrains(turn)) lose(turn, worker, sendAway(turn, worker));
  settlePhase(turn);
  checkState(turn.state);
  return { state: turn.state, effects: turn.effects };
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
      turn.change("model", { slices: { tag: "up", count: event.count } });
      for (const worker of turn.ready) turn.do({ tag: "nameSlices", worker: worker.id });
      return eventToPhase(turn, event);
    case "sliceLoaded":
    case "sliceWhole":
    case "sliceLacks":
    case "sliceCompared":
    case "sliceCommitted":
    case "publishingDelayed":
    case "published":
      return eventToPhase(turn, event);
    case "checkpointWritten":
      noteWritten(turn, event.checkpoint);
      return eventToPhase(turn, event);
    case "checkpointFailed":
      noteFailed(turn, event.checkpoint, event.message);
      return eventToPhase(turn, event);
    case "stop":
      return stop(turn, { tag: "stopped", reason: event.reason });
    case "interrupt":
      if (turn.state.ending.stopRequested !== null) return;
      return stop(turn, { tag: "interrupted", reason: event.reason });
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
  if (generation !== turn.state.run.generation) return turn.drop(worker, "stale generation");
  turn.worker(worker, { heardMs: turn.nowMs });
  switch (body.kind) {
    case "hello":
      return turn.drop(worker, "misplaced");
    case "ready":
      makeReady(turn, worker, body.layoutJson);
      return readyToPhase(turn);
    case "initialised": // the slices report it when they hold the weights
      return;
    case "laneRecord":
      countRecord(turn, worker, body);
      return answerToPhase(turn, worker, body);
    case "blockResult":
    case "exported":
    case "auditDone":
    case "damaged":
      return answerToPhase(turn, worker, body);
    case "assignmentFailed":
      if (isStoreOutage(body.code) && waitOutStore(turn, worker, body.assignment, body.message)) return;
      return takeFailure(turn, worker, body.assignment, body.message);
    case "heartbeat":
      turn.worker(worker, { doing: body.phase });
      noteProgress(turn, worker, body.share, body.done);
      return progressToPhase(turn, worker, body);
    case "settled":
      return settle(turn, worker, body.share);
    case "leaving":
      turn.do({ tag: "disconnect", worker, reason: body.reason });
      return lose(turn, worker, body.reason);
    default:
      return assertNever(body);
  }
}

/** A worker has settled a share. */
function settle(turn: Turn, worker: string, number: number): void {
  const share = settleShare(turn, worker, number);
  if (share === undefined) return turn.drop(worker, "misplaced");
  const failure = settledToPhase(turn, worker, share);
  if (failure !== null) takeFailure(turn, worker, "gradients", failure);
}

/** Work under way is dropped; the last commit is saved, if there is one, and the run ends with this outcome. */
function stop(turn: Turn, outcome: Outcome): void {
  turn.change("ending", { stopRequested: outcome });
  stopPhase(turn, outcome);
}

/**
 * Waits through an outage of the store: the outage is not a worker's failure, and the work is handed out again until the
 * store is back. Returns false when the outage has lasted too long, and for a worker that prepares, because its own address of
 * the store may be wrong.
 */
function waitOutStore(turn: Turn, worker: string, assignment: string, message: string): boolean {
  if (assignment === "export") return outageToPhase(turn, { worker, assignment, message });
  const away = turn.state.membership.storeAway ?? { sinceMs: turn.nowMs, isOver: false };
  if (assignment === "prepare" || away.isOver) return false;
  turn.change("membership", { storeAway: away });
  turn.log("warn", `worker ${worker} waits for the store (${assignment}): ${message}`, { worker });
  turn.do({ tag: "disconnect", worker, reason: message });
  lose(turn, worker, "the store is away");
  return true;
}

function takeFailure(turn: Turn, worker: string, assignment: string, message: string): void {
  const failures = [...turn.state.membership.failures, worker].slice(-failuresKept);
  turn.change("membership", { failures });
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

/** How often all waits are looked at. With a thousand workers it would cost too much at every event. */
const watchEveryMs = 50;

function passTime(turn: Turn, tickedMs: number): void {
  advanceClock(turn, tickedMs);
  const { state, nowMs } = turn;
  if (state.phase.tag === "ended" || nowMs - state.clock.watchedMs < watchEveryMs) return;
  turn.change("clock", { watchedMs: nowMs });
  fireDueWaits(turn);
  if (turn.state.workers.size > 0) turn.change("membership", { aloneSinceMs: nowMs });
}
