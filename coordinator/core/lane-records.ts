/** What arrives during a step: lanes' records, settled shares, slices' reports. The first of each counts. */
import type { WorkerBody } from "../../shared/grpc/control-messages.js";
import { float64From } from "../../shared/grpc/numbers.js";
import { giveUpAudit } from "./audit.js";
import type { CoreEvent } from "./events.js";
import { handOutLanes, releaseLanes, setLane, type TrainingPhase } from "./lane-assignment.js";
import { changeShare } from "./liveness/speed.js";
import { areCredible, isCredibleSum } from "./plausible-values.js";
import { samplesOf } from "./run-dimensions.js";
import type { CoreState } from "./state.js";
import { convict, suspect } from "./suspicion.js";
import type { Turn } from "./turn.js";
import { isHeldBy, type LaneResult, type LaneState, refusalsOf, refusedBy, type Share } from "./work.js";

type LaneRecord = Extract<WorkerBody, { kind: "laneRecord" }>;

/** The first record of a lane counts, from whichever of its holders; later ones are dropped. */
export function takeRecord(turn: Turn, phase: TrainingPhase, worker: string, record: LaneRecord): void {
  if (record.step !== turn.state.progress.step) return turn.drop(worker, "stale step");
  if (record.attempt !== phase.attempt) return turn.drop(worker, "stale attempt");
  const lane = phase.lanes[record.lane];
  if (lane === undefined || lane.tag === "absent") return turn.drop(worker, "unknown lane");
  if (lane.tag === "arrived" || lane.tag === "poisoned") return turn.drop(worker, "duplicate");
  if (record.samples !== phase.samples[record.lane] || record.correct > record.samples) {
    return turn.drop(worker, "wrong sample count");
  }
  if (record.finite && !isStatistics(turn.state, record.statistics)) {
    return turn.drop(worker, "wrong statistics");
  }
  // Also one that is fine: nobody else uploads a lane's gradient. Nor must a repeat be the second opinion on itself.
  if (!isHeldBy(lane, worker)) return turn.drop(worker, "not asked");
  if (!isFiniteRecord(record)) return refuseLane(turn, worker, record.lane, lane);
  arrive(turn, worker, record, lane);
}

/** Counts a record for the share that it belongs to, also of a step that went on without it. */
export function countRecord(turn: Turn, worker: string, { step, attempt, lane }: LaneRecord): void {
  const isIt = (share: Share) =>
    share.kind === "gradients" &&
    share.step === step &&
    share.attempt === attempt &&
    share.lanes.includes(lane);
  changeShare(turn, worker, isIt, ({ recorded, lanes }) =>
    recorded < lanes.length ? { recorded: recorded + 1, progressMs: turn.nowMs } : {},
  );
}

const isStatistics = ({ model: { layout } }: CoreState, statistics: Uint8Array) =>
  statistics.byteLength === 8 * (layout?.statisticsCount ?? 0);

const isFiniteRecord = (record: LaneRecord) =>
  record.finite &&
  isCredibleSum(record.lossSum, record.samples) &&
  areCredible(float64From(record.statistics));

/** With the record of the last lane the slices are all that is waited for. */
function arrive(turn: Turn, worker: string, record: LaneRecord, lane: LaneState): void {
  const result: LaneResult = {
    samples: record.samples,
    lossSum: record.lossSum,
    correct: record.correct,
    statistics: float64From(record.statistics),
    computeMs: record.computeSeconds * 1000,
  };
  setLane(turn, record.lane, { tag: "arrived", worker, result });
  for (const { worker: refuser, why } of refusalsOf(lane)) {
    if (refuser !== worker)
      suspect(turn, refuser, `lane ${record.lane} is ${why} there and fine on ${worker}`);
  }
  const { lanes } = turn.in("training");
  if (lanes.every(({ tag }) => tag === "arrived" || tag === "absent")) {
    turn.update("training", { arrivedMs: turn.nowMs });
  }
}

/**
 * Takes back a lane that is not finite. The first time it is computed again, on another worker if possible; the second time
 * the step is skipped (docs/design/mathematics-of-a-lane.md).
 */
function refuseLane(turn: Turn, worker: string, index: number, lane: LaneState): void {
  const { dimensions } = turn.state.run;
  const { progress } = turn.state;
  const refused = refusedBy(lane, { worker, why: "not finite" });
  const samples = samplesOf(dimensions, progress, index);
  turn.log(
    "warn",
    `worker ${worker} returned values that are not finite for lane ${index} of step ${progress.step}, samples ${samples.join(", ")}`,
    { worker, lane: index, step: progress.step, samples: samples.join(",") },
  );
  const times = refusalsOf(refused).filter(({ why }) => why === "not finite").length;
  setLane(turn, index, times >= 2 ? { tag: "poisoned" } : refused);
  handOutLanes(turn);
}

/**
 * A worker has settled a share. Lanes of the current step that it left out are a failure, unless it reported damaged
 * samples. An audit without an answer is given up. Returns the failure.
 */
export function takeSettledShare(
  turn: Turn,
  phase: TrainingPhase,
  worker: string,
  share: Share,
): string | null {
  const { step, attempt } = share;
  if (turn.state.progress.step !== step || phase.attempt !== attempt) return null;
  if (share.kind === "audit") {
    giveUpAudit(turn, worker, share);
    return null;
  }
  const others = turn.state.workers.get(worker)?.shares.filter(isGradientsOf(step, attempt)) ?? [];
  const left = share.lanes.filter(
    (lane) => isHeldBy(phase.lanes[lane], worker) && !others.some(({ lanes }) => lanes.includes(lane)),
  );
  if (left.length === 0) return null;
  if (!share.isExcused) return "it gave lanes back without a word";
  releaseLanes(turn, worker, left);
  handOutLanes(turn);
  return null;
}

const isGradientsOf = (step: number, attempt: number) => (share: Share) =>
  share.kind === "gradients" && share.step === step && share.attempt === attempt;

export function takeSliceReport(
  turn: Turn,
  phase: TrainingPhase,
  { slice, step, report }: Extract<CoreEvent, { tag: "sliceWhole" }>,
): void {
  if (step !== turn.state.progress.step) return;
  turn.update("training", { slices: phase.slices.with(slice, report) });
}

/**
 * A slice lacks gradients of lanes that have a record. A record proves that every slice has the gradient, so these records
 * were false: the lanes are open again, and the workers that sent the records are drained.
 */
export function takeLack(
  turn: Turn,
  phase: TrainingPhase,
  { slice, step, attempt, lanes }: Extract<CoreEvent, { tag: "sliceLacks" }>,
): void {
  if (turn.state.progress.step !== step || phase.attempt !== attempt) return;
  for (const index of lanes) {
    const lane = phase.lanes[index];
    if (lane?.tag !== "arrived") continue;
    setLane(turn, index, { tag: "open", refusals: [] });
    convict(
      turn,
      lane.worker,
      `it recorded lane ${index} of step ${step}, of which slice ${slice} has nothing`,
    );
  }
  reopenStep(turn);
  handOutLanes(turn);
}

/** Goes back to waiting for lanes, after lanes were opened again. */
function reopenStep(turn: Turn): void {
  if (turn.in("training").lanes.some(({ tag }) => tag === "open"))
    turn.update("training", { arrivedMs: null, isLateLogged: false });
}
