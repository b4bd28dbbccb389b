/** A worker writes the exported model of the last or the best checkpoint. */
import type { WorkerBody } from "../../../shared/grpc/control-messages.js";
import { limits } from "../../../shared/limits.js";
import { watchedLoss } from "../epoch.js";
import { reasonNothingWasLearned } from "../learning.js";
import { numberShare } from "../liveness/speed.js";
import type { PhaseOf } from "../state.js";
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import type { PhaseHandlers, StoreOutage } from "./phase-handlers.js";

type Heartbeat = Extract<WorkerBody, { kind: "heartbeat" }>;
type ExportingPhase = PhaseOf<"exporting">;

/** Events while the model is exported. */
export const exporting: PhaseHandlers<"exporting"> = {
  workerReady: assignExport,
  workerLost: exportElsewhere,
  storeOutage: postponeExport,
  progress: noteFiles,
  exported: takeExport,
  stop: (turn, _phase, outcome) => end(turn, outcome),
};

/**
 * `last`: the checkpoint of the run's last commit. A run that has learned nothing fails instead. Weights whose loss is not
 * finite predict nothing, so the best ones are exported in their place.
 */
export function beginExport(turn: Turn, last: string): void {
  const nothing = reasonNothingWasLearned(turn.state);
  if (nothing !== null) return end(turn, { tag: "failed", reason: nothing });
  const { dimensions } = turn.state.run;
  const { checkpoints, results } = turn.state;
  const { nowMs } = turn;
  const isSpoilt = results.lastEpoch !== null && watchedLoss(results.lastEpoch) === null;
  const best = dimensions.spec.exportWeights === "best" || isSpoilt ? checkpoints.best : null;
  if (isSpoilt) turn.log("warn", `the last epoch has no finite loss: checkpoint ${best ?? last} is exported`);
  turn.enter({
    tag: "exporting",
    checkpoint: best ?? last,
    worker: null,
    sinceMs: nowMs,
    isLateLogged: false,
    share: 0,
    done: 0,
    progressMs: nowMs,
    cuts: 0,
    outage: null,
  });
  assignExport(turn);
}

/** The exporting worker met an outage of the store: the export is handed out again after a while. */
function postponeExport(
  turn: Turn,
  phase: ExportingPhase,
  { worker, assignment, message }: StoreOutage,
): boolean {
  const { nowMs } = turn;
  if (assignment !== "export" || phase.worker !== worker) return false;
  turn.log("warn", `the export waits for the store: ${message}`, { worker });
  const sinceMs = phase.outage?.sinceMs ?? nowMs;
  const outage = { sinceMs, retryMs: nowMs + limits.storeRetryMs, message };
  turn.update("exporting", { worker: null, outage });
  return true;
}

/** The wait for the store is over for now: the export is handed out once more. */
export function retryExport(turn: Turn): void {
  const { outage } = turn.in("exporting");
  if (outage !== null) turn.update("exporting", { outage: { ...outage, retryMs: null } });
  assignExport(turn);
}

/** The store was away for too long. */
export function giveUpExport(turn: Turn): void {
  const { outage, checkpoint } = turn.in("exporting");
  const why = outage?.message ?? "the store is away";
  end(turn, { tag: "failed", reason: `the export of checkpoint ${checkpoint} could not be written: ${why}` });
}

/** A heartbeat says how many files are stored. The first of them ends an outage. */
function noteFiles(turn: Turn, phase: ExportingPhase, worker: string, { share, done }: Heartbeat): void {
  if (phase.worker !== worker || phase.share !== share) return;
  if (done <= phase.done || done > limits.exportedPaths) return;
  turn.update("exporting", { done, progressMs: turn.nowMs, outage: null });
}

/** Gives the export to the first ready worker, unless one has it. */
export function assignExport(turn: Turn): void {
  const { nowMs } = turn;
  const phase = turn.in("exporting");
  if (phase.worker !== null || typeof phase.outage?.retryMs === "number") return;
  const worker = turn.ready[0];
  if (worker === undefined) return;
  const share = numberShare(turn, worker.id);
  const begun = { share, done: 0, sinceMs: nowMs, progressMs: nowMs, isLateLogged: false };
  turn.update("exporting", { worker: worker.id, ...begun });
  turn.send(worker.id, { kind: "export", checkpoint: phase.checkpoint, share });
}

function takeExport(
  turn: Turn,
  phase: ExportingPhase,
  worker: string,
  { checkpoint, paths }: Extract<WorkerBody, { kind: "exported" }>,
): void {
  if (phase.checkpoint !== checkpoint || phase.worker !== worker) return turn.drop(worker, "misplaced");
  turn.enter({ tag: "publishing", exported: paths, sinceMs: turn.nowMs, failure: null });
  turn.do({ tag: "publish", checkpoint, exported: paths });
}

function exportElsewhere(turn: Turn, phase: ExportingPhase, worker: string): void {
  if (phase.worker !== worker) return;
  turn.update("exporting", { worker: null });
  assignExport(turn);
}
