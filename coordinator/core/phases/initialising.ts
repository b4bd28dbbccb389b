/** The first weights of a run: one worker builds them, every slice holds them, and they are saved as checkpoint 0. */
import type { CoreEvent } from "../events.js";
import type { PhaseOf } from "../state.js";
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import type { PhaseHandlers } from "./phase-handlers.js";
import { saveAndThen } from "./saving.js";

type InitialisingPhase = PhaseOf<"initialising">;

/** Events while a worker builds the first weights. */
export const initialising: PhaseHandlers<"initialising"> = {
  workerReady: assignInitialising,
  workerLost: initialiseElsewhere,
  sliceLoaded: takeLoaded,
  stop: (turn, _phase, outcome) => end(turn, outcome),
};

/** The slices are up: the first ready worker builds the weights. */
export function beginInitialising(turn: Turn, slices: number): void {
  const loaded = Array.from({ length: slices }, () => false);
  turn.enter({
    tag: "initialising",
    worker: null,
    sinceMs: turn.nowMs,
    isLateLogged: false,
    cuts: 0,
    loaded,
  });
  assignInitialising(turn);
}

function assignInitialising(turn: Turn): void {
  if (turn.in("initialising").worker !== null) return;
  const worker = turn.ready[0]?.id ?? null;
  turn.update("initialising", { worker, sinceMs: turn.nowMs, isLateLogged: false });
  if (worker === null) return;
  turn.do({ tag: "grant", worker, grant: { kind: "INITIAL" } });
  turn.send(worker, { kind: "initialise" });
}

function initialiseElsewhere(turn: Turn, phase: InitialisingPhase, worker: string): void {
  if (phase.worker !== worker) return;
  turn.update("initialising", { worker: null });
  assignInitialising(turn);
}

function takeLoaded(
  turn: Turn,
  phase: InitialisingPhase,
  { slice }: Extract<CoreEvent, { tag: "sliceLoaded" }>,
): void {
  const loaded = phase.loaded.map((known, index) => known || index === slice);
  turn.update("initialising", { loaded });
  if (!loaded.every(Boolean)) return;
  turn.change("clock", { epochStartedMs: turn.nowMs });
  saveAndThen(turn, "initial weights", { tag: "train" });
}
