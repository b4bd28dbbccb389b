/**
 * The speed of each worker, from the shares that it settled. Lane placement and lateness use it. Times are measured on the
 * coordinator's clock, from handing a share out to hearing that it is settled, network included.
 */
import { limits } from "../../../shared/limits.js";
import { type Candidate, median } from "../distribution.js";
import type { CoreState, WorkerState } from "../state.js";
import type { Turn } from "../turn.js";
import type { Share } from "../work.js";

/** Shares by which a worker's speed is judged: a single hiccup is outvoted. */
const measurements = 3;
/** Number of last steps from which the typical time of a lane is taken. */
const recentSteps = 20;

/** Milliseconds per lane of this worker; null before its first share. */
export const laneMsOf = (worker: WorkerState): number | null => median(worker.laneMs) ?? null;

/** Median milliseconds per lane over the last steps; in the first step, over the shares settled so far. Null = unknown. */
export const typicalLaneMs = ({ measured: { recentLaneMs, stepLaneMs } }: CoreState): number | null =>
  median(recentLaneMs) ?? median(stepLaneMs) ?? null;

/** True when the worker needs longer for a lane than what counts as late. A worker of unknown speed is not slow. */
export function isSlow(state: CoreState, worker: WorkerState): boolean {
  const [typical, own] = [typicalLaneMs(state), laneMsOf(worker)];
  return typical !== null && own !== null && own > limits.lateFactor * typical;
}

/** Number of lanes of the share that have no record yet. */
const unrecorded = (share: Share) => (share.kind === "audit" ? 1 : share.lanes.length - share.recorded);

/** True when the worker has lanes without a record: new work would wait. */
export const isBusy = (worker: WorkerState): boolean => worker.shares.some((share) => unrecorded(share) > 0);

/** True when the worker is busy with another step or attempt, and would begin this one late. */
export function isBehind(worker: WorkerState, step: number, attempt: number): boolean {
  return worker.shares.some(
    (share) => (share.step !== step || share.attempt !== attempt) && unrecorded(share) > 0,
  );
}

/** The worker as a candidate for more lanes. `held`: pieces that it holds already. */
export const candidate = (worker: WorkerState, held = 0): Candidate => ({
  id: worker.id,
  held,
  pieceMs: laneMsOf(worker),
});

/** The number of the worker's next share. */
export function numberShare(turn: Turn, id: string): number {
  const number = (turn.state.workers.get(id)?.lastShare ?? 0) + 1;
  turn.worker(id, { lastShare: number });
  return number;
}

/** Adds a share to those that the worker has not settled. Returns its number. */
export function addShare(
  turn: Turn,
  id: string,
  share: Pick<Share, "step" | "attempt" | "kind" | "lanes">,
): number {
  const number = numberShare(turn, id);
  const worker = turn.state.workers.get(id);
  if (worker === undefined) return number;
  const added: Share = {
    ...share,
    number,
    sinceMs: turn.nowMs,
    recorded: 0,
    done: 0,
    progressMs: null,
    isExcused: false,
    isLateLogged: false,
  };
  turn.worker(id, { shares: [...worker.shares, added] });
  return number;
}

/** Takes what a heartbeat says of a share: `done` lanes are computed. Each lane counts once. */
export function noteProgress(turn: Turn, id: string, number: number, done: number): void {
  changeShare(
    turn,
    id,
    (share) => share.number === number && done > share.done && done <= share.lanes.length,
    () => ({ done, progressMs: turn.nowMs }),
  );
}

/** Changes the first share of the worker that is as described. */
export function changeShare(
  turn: Turn,
  id: string,
  isIt: (share: Share) => boolean,
  change: (share: Share) => Partial<Share>,
): void {
  const worker = turn.state.workers.get(id);
  const index = worker?.shares.findIndex(isIt) ?? -1;
  const share = worker?.shares[index];
  if (worker === undefined || share === undefined) return;
  turn.worker(id, { shares: worker.shares.with(index, { ...share, ...change(share) }) });
}

/** Takes the share of that number off the worker, and measures it. Undefined: it had none. */
export function settleShare(turn: Turn, id: string, number: number): Share | undefined {
  const worker = turn.state.workers.get(id);
  const index = worker?.shares.findIndex((share) => share.number === number) ?? -1;
  const share = worker?.shares[index];
  if (worker === undefined || share === undefined) return undefined;
  const { nowMs } = turn;
  turn.worker(id, { shares: worker.shares.toSpliced(index, 1), settledMs: nowMs });
  measure(turn, worker, share, nowMs - Math.max(share.sinceMs, worker.settledMs));
  return share;
}

/** An abandoned share gives only a lower bound on the time of a lane. */
function measure(turn: Turn, worker: WorkerState, share: Share, elapsedMs: number): void {
  const isWhole = share.kind === "audit" || share.recorded >= share.lanes.length;
  const laneMs = elapsedMs / (isWhole ? Math.max(1, share.lanes.length) : share.recorded + 1);
  const known = laneMsOf(worker);
  if (!isWhole && (share.isExcused || (known !== null && laneMs <= known))) return;
  turn.worker(worker.id, {
    laneMs: [...worker.laneMs, laneMs].slice(-measurements),
    measuredStep: turn.state.progress.step,
  });
  if (isWhole) turn.change("measured", { stepLaneMs: [...turn.state.measured.stepLaneMs, laneMs] });
}

/** At a commit: the step's median joins those of the last ones. */
export function closeStepTimes(turn: Turn): void {
  const { stepLaneMs, recentLaneMs } = turn.state.measured;
  const ofStep = median(stepLaneMs);
  if (ofStep === undefined) return;
  turn.change("measured", { stepLaneMs: [], recentLaneMs: [...recentLaneMs, ofStep].slice(-recentSteps) });
}

/** Milliseconds after which `pieces` lanes or blocks of a typical time count as late. */
export const lateAfterMs = (typicalMs: number, pieces: number): number =>
  Math.max(limits.lateMinMs, limits.lateFactor * typicalMs * pieces);

/** Milliseconds since the worker began its oldest share. */
export const shareAgeMs = ({ clock: { nowMs } }: CoreState, worker: WorkerState, share: Share): number =>
  nowMs - Math.max(share.sinceMs, worker.settledMs);
