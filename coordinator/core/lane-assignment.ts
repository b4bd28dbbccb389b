/**
 * The beginning of a step and the handing out of its lanes: to their owners, and again to others when a
 * worker is lost or can't compute one. lane-records.ts takes what comes back, decision.ts ends the step.
 */
import { divide, heldBy, leastLoaded } from "./distribution.js";
import { excludedOf } from "./exclusion.js";
import { placementFor, workerOnTrial } from "./lane-placement.js";
import { addShare, candidate, isBehind } from "./liveness/speed.js";
import { laneSamples } from "./run-dimensions.js";
import type { PhaseOf, WorkerState } from "./state.js";
import type { Turn } from "./turn.js";
import { heldAlso, type LaneState, type Refusal, refusalsOf, releasedBy } from "./work.js";

export type TrainingPhase = PhaseOf<"training">;

/** Lanes by worker. */
type Given = Map<string, number[]>;

/** Begins the step of `progress`: opens its lanes and hands them out. `attempt` > 0: the step is begun again from nothing. */
export function beginStep(turn: Turn, attempt = 0): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const { slices } = turn.state.model;
  const { banned } = turn.state.membership;
  const { nowMs } = turn;
  const { phase } = turn.state;
  const samples = laneSamples(dimensions, progress, progress.exclusions);
  const lanes = samples.map(
    (count): LaneState => (count > 0 ? { tag: "open", refusals: [] } : { tag: "absent" }),
  );
  const present = lanesWhere(lanes, (lane) => lane.tag === "open");
  const count = slices.tag === "up" ? slices.count : 0;
  turn.do({ tag: "beginStep", step: progress.step, attempt, present, banned });
  turn.enter({
    tag: "training",
    sinceMs: nowMs,
    attempt,
    samples,
    lanes,
    slices: Array.from({ length: count }, () => null),
    audits: [],
    undrawn: [],
    doubts: [],
    isTainted: false,
    cuts: attempt > 0 && phase.tag === "training" ? phase.cuts : lanes.map(() => 0),
    arrivedMs: null,
    isLateLogged: false,
  });
  handOutByPlacement(turn);
  handOutLanes(turn);
}

/** Begins a tainted step again. Everything that has arrived is forgotten, and its samples count as redone. */
export function beginAgainIfTainted(turn: Turn): void {
  const phase = turn.in("training");
  if (!phase.isTainted) return;
  const came = phase.lanes.reduce((sum, lane) => sum + (lane.tag === "arrived" ? lane.result.samples : 0), 0);
  const { ledger } = turn.state.progress;
  turn.advance({ ledger: { ...ledger, redone: ledger.redone + came } });
  beginStep(turn, phase.attempt + 1);
}

/** Gives each lane to the worker of its placement, unless that worker still works on an earlier step. */
function handOutByPlacement(turn: Turn): void {
  const phase = turn.in("training");
  const { progress } = turn.state;
  const workers = turn.ready;
  if (workers.length === 0) return;
  const placement = placementFor(turn, workers);
  turn.set({ placement });
  const free = new Set(availableFor(turn, workers, phase).map((worker) => worker.id));
  const given: Given = new Map();
  placement.lanes.forEach((worker, lane) => {
    if (phase.lanes[lane]?.tag === "open" && free.has(worker)) addTo(given, worker, lane);
  });
  const trial = workerOnTrial(turn, placement, progress.step, phase.attempt);
  const last = lanesWhere(phase.lanes, (lane) => lane.tag === "open").at(-1);
  if (trial !== undefined && last !== undefined && given.size > 0) addTo(given, trial.id, last);
  give(turn, given);
}

/**
 * Gives every open lane to the ready worker that would finish it first. Called when a lane opens and when a worker gets
 * ready. A lane that one worker could not compute goes to another one, if there is one.
 */
export function handOutLanes(turn: Turn): void {
  const phase = turn.in("training");
  const open = lanesWhere(phase.lanes, (lane) => lane.tag === "open");
  const workers = turn.ready;
  if (open.length === 0 || workers.length === 0) return;
  const held = heldBy(phase.lanes);
  const fresh = open.filter((lane) => refusalsOf(phase.lanes[lane]).length === 0);
  const candidates = availableFor(turn, workers, phase)
    .map((worker) => candidate(worker, held.get(worker.id)))
    .sort((a, b) => a.held - b.held);
  const given: Given = divide(fresh, candidates);
  for (const lane of open.filter((index) => !fresh.includes(index))) {
    const worker = secondOpinion(workers, refusalsOf(phase.lanes[lane]), held);
    if (worker === undefined) continue;
    held.set(worker, (held.get(worker) ?? 0) + 1);
    addTo(given, worker, lane);
  }
  give(turn, given);
}

/** Workers that can begin at once. All workers, if each of them still works on an earlier step. */
function availableFor(
  turn: Turn,
  workers: readonly WorkerState[],
  phase: TrainingPhase,
): readonly WorkerState[] {
  const { step } = turn.state.progress;
  const free = workers.filter((worker) => !isBehind(worker, step, phase.attempt));
  return free.length > 0 ? free : workers;
}

function addTo(given: Given, worker: string, lane: number): void {
  const share = given.get(worker);
  if (share === undefined) given.set(worker, [lane]);
  else share.push(lane);
}

/** Assigns these lanes to the workers, in addition to workers that hold them already, and sends the assignments. */
export function give(turn: Turn, given: ReadonlyMap<string, readonly number[]>): void {
  const phase = turn.in("training");
  const { nowMs } = turn;
  const { progress } = turn.state;
  if (given.size === 0) return;
  const lanes = [...phase.lanes];
  for (const [worker, share] of given) {
    for (const lane of share) lanes[lane] = heldAlso(lanes[lane], { worker, sinceMs: nowMs });
  }
  const undrawn = [...given].map(([worker, share]) => ({ worker, lanes: share }));
  turn.update("training", { lanes, undrawn: [...phase.undrawn, ...undrawn] });
  const { step, epoch, stepInEpoch, exclusions } = progress;
  const { attempt } = phase;
  const excluded = excludedOf(exclusions, "train");
  for (const [worker, share] of given) {
    const number = addShare(turn, worker, { step, attempt, kind: "gradients", lanes: share });
    turn.do({ tag: "grant", worker, grant: { kind: "GRADIENT", step, attempt, lanes: [...share] } });
    turn.send(worker, {
      kind: "gradients",
      step,
      epoch,
      stepInEpoch,
      lanes: [...share],
      excluded,
      attempt,
      share: number,
    });
  }
}

/** Another worker than those who could not compute it, if there is one. */
function secondOpinion(
  workers: readonly WorkerState[],
  refusals: readonly Refusal[],
  held: ReadonlyMap<string, number>,
): string | undefined {
  const ids = workers.map((worker) => worker.id);
  const others = ids.filter((id) => !refusals.some((refusal) => refusal.worker === id));
  return leastLoaded(others, held) ?? leastLoaded(ids, held);
}

export function lanesWhere(lanes: readonly LaneState[], isWanted: (lane: LaneState) => boolean): number[] {
  return lanes.flatMap((lane, index) => (isWanted(lane) ? [index] : []));
}

/** Takes the worker off its lanes, or off these only. Returns the lanes that nobody holds any more, which are open. */
export function releaseLanes(turn: Turn, worker: string, only: readonly number[] | null = null): number[] {
  const phase = turn.in("training");
  const lanes = phase.lanes.map(
    (lane, index): LaneState => (only?.includes(index) === false ? lane : releasedBy(lane, worker)),
  );
  const opened = lanesWhere(lanes, ({ tag }) => tag === "open").filter(
    (index) => phase.lanes[index]?.tag === "assigned",
  );
  turn.update("training", { lanes });
  return opened;
}

/** Opens the lanes that only a lost worker held. Their samples count as redone. */
export function reopenLanes(turn: Turn, worker: string): void {
  const { samples } = turn.in("training");
  const redone = releaseLanes(turn, worker).reduce((sum, lane) => sum + (samples[lane] ?? 0), 0);
  const { ledger } = turn.state.progress;
  turn.advance({ ledger: { ...ledger, redone: ledger.redone + redone } });
  handOutLanes(turn);
}

export function setLane(turn: Turn, index: number, lane: LaneState): void {
  turn.update("training", { lanes: turn.in("training").lanes.with(index, lane) });
}
