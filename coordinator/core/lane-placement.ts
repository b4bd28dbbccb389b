/**
 * The placement of lanes on workers from step to step. It stays, so that caches and read-ahead pay off, and is made anew
 * when a worker comes or goes, or when a worker is slow for several steps. Placement never changes a bit of the weights.
 */
import { type Candidate, divide, makespan, median } from "./distribution.js";
import { candidate, isBehind } from "./liveness/speed.js";
import type { WorkerState } from "./state.js";
import type { Turn } from "./turn.js";
import type { LanePlacement } from "./work.js";

/** Lanes move only for a placement that is this many times faster … */
const worthMoving = 1.25;
/** … at the beginning of this many steps in a row. */
const steadily = 3;
/** Steps after which a worker that was left without lanes for being slow is tried again. */
const trialEvery = 20;

/** The placement for the step that begins. `workers`: the ready ones in join order, at least one. */
export function placementFor(turn: Turn, workers: readonly WorkerState[]): LanePlacement {
  const { placement } = turn.state;
  const { dimensions } = turn.state.run;
  const ids = workers.map((worker) => worker.id);
  const lanes = Array.from({ length: dimensions.spec.lanes }, (_, lane) => lane);
  const candidates = workers.map((worker) => candidate(worker));
  const redraw = () => drawUp(ids, lanes, candidates);
  if (placement === null || !isSameList(placement.workers, ids)) return redraw();
  const best = makespan(countsOf(divide(lanes, candidates)), candidates);
  const now = makespan(countsOf(byWorker(placement.lanes)), candidates);
  if (now <= best * worthMoving)
    return placement.unbalanced === 0 ? placement : { ...placement, unbalanced: 0 };
  if (placement.unbalanced + 1 < steadily) return { ...placement, unbalanced: placement.unbalanced + 1 };
  const redrawn = redraw();
  tellMoves(turn, placement, redrawn);
  return redrawn;
}

function drawUp(
  workers: readonly string[],
  lanes: readonly number[],
  candidates: readonly Candidate[],
): LanePlacement {
  const placement = lanes.map(() => "");
  for (const [worker, share] of divide(lanes, candidates)) for (const lane of share) placement[lane] = worker;
  return { workers, lanes: placement, unbalanced: 0 };
}

const isSameList = (a: readonly string[], b: readonly string[]) =>
  a.length === b.length && a.every((item, index) => item === b[index]);

function byWorker(lanes: readonly string[]): Map<string, number[]> {
  const shares = new Map<string, number[]>();
  lanes.forEach((worker, lane) => {
    const share = shares.get(worker);
    if (share === undefined) shares.set(worker, [lane]);
    else share.push(lane);
  });
  return shares;
}

const countsOf = (shares: ReadonlyMap<string, readonly number[]>) =>
  new Map([...shares].map(([worker, share]) => [worker, share.length]));

function tellMoves(turn: Turn, before: LanePlacement, after: LanePlacement): void {
  const [former, next] = [byWorker(before.lanes), byWorker(after.lanes)];
  for (const { id, laneMs } of turn.ready) {
    const [had, has] = [former.get(id)?.length ?? 0, next.get(id)?.length ?? 0];
    if (had === has) continue;
    const pace = ((median(laneMs) ?? 0) / 1000).toFixed(2);
    turn.log("info", `worker ${id} has ${has} lanes from now on, not ${had}: a lane takes it ${pace} s`, {
      worker: id,
      step: turn.state.progress.step,
    });
  }
}

/** A worker that has no lane because it was slow, idle, and not measured for long: it may have recovered. */
export function workerOnTrial(
  turn: Turn,
  placement: LanePlacement,
  step: number,
  attempt: number,
): WorkerState | undefined {
  const owners = new Set(placement.lanes);
  return turn.ready.find(
    (worker) =>
      !owners.has(worker.id) &&
      worker.laneMs.length > 0 &&
      step - worker.measuredStep >= trialEvery &&
      !isBehind(worker, step, attempt),
  );
}
