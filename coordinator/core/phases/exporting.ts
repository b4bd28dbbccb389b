/** A worker writes the exported model of the last or the best checkpoint. */
import type { WorkerBody } from "../../../shared/grpc/control-messages.js";
import { limits } from "../../../shared/limits.js";
import { watchedLoss } from "../epoch.js";
import { reasonNothingWasLearned } from "../learning.js";
import type { PhaseOf } from "../state.js";
import type { Turn } from "../turn.js";
import { end } from "./ended.js";
import type { PhaseHandlers, StoreOutage } from "./phase-handlers.js";

type ExportingPhase = PhaseOf<"exporting">;

/** Events while the model is exported. */
export const exporting: PhaseHandlers<"exporting"> = {
  workerReady: assignExport,
  workerLost: exportElsewhere,
  storeOutage: postponeExport,
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
  const times = { sinceMs: nowMs, begunMs: nowMs, notBeforeMs: nowMs };
  turn.enter({ tag: "exporting", checkpoint: best ?? last, worker: null, isLateLogged: false, ...times });
  assignExport(turn);
}

/** The exporting worker met an outage of the store. False when the outage has lasted too long. */
function postponeExport(
  turn: Turn,
  phase: ExportingPhase,
  { worker, assignment, message }: StoreOutage,
): boolean {
  const { nowMs } = turn;
  if (assignment !== "export" || phase.worker !== worker) return false;
  if (nowMs - phase.begunMs >= limits.storeOutageMs) return false;
  turn.log("warn", `the export waits for the store: ${message}`, { worker });
  turn.update("exporting", { worker: null, notBeforeMs: nowMs + limits.storeRetryMs });
  return true;
}

/** Gives the export to the first ready worker, unless one has it. */
export function assignExport(turn: Turn): void {
  const { nowMs } = turn;
  const phase = turn.in("exporting");
  if (phase.worker !== null || nowMs < phase.notBeforeMs) return;
  const worker = turn.ready[0];
  if (worker === undefined) return;
  turn.update("exporting", { worker: worker.id, sinceMs: nowMs, isLateLogged: false });
  turn.send(worker.id, { kind: "export", checkpoint: phase.checkpoint });
}

function takeExport(
  turn: Turn,
  phase: ExportingPhase,
  worker: string,
  { checkpoint, paths }: Extract<WorkerBody, { kind: "exported" }>,
): void {
  if (phase.checkpoint !== checkpoint || phase.worker !== worker) return turn.drop(worker, "misplaced");
  turn.enter({ tag: "publishing", exported: paths });
  turn.do({ tag: "publish", checkpoint, exported: paths });
}

function exportElsewhere(turn: Turn, phase: ExportingPhase, worker: string): void {
  if (phase.worker !== worker) return;
  turn.update("exporting", { worker: null });
  assignExport(turn);
}
