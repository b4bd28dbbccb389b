/** The run as outsiders see it: RunStatus from the core's state. */
import { assertNever } from "../shared/errors.js";
import { duration } from "../shared/readable-numbers.js";
import type { RunPhase, RunStatus, WorkerStatus } from "../shared/status.js";
import { waitsOf } from "./core/liveness/waits.js";
import type { CoreState, Phase, WorkerState } from "./core/state.js";
import type { LaneState } from "./core/work.js";

/** The status of a run as pages and followers see it, from the core's state. */
export function statusOf(state: CoreState, result: Record<string, unknown> | null): RunStatus {
  const { dimensions } = state.run;
  const { progress, phase } = state;
  const { evaluation } = state.results;
  const { totals } = progress;
  const message = messageOf(state);
  const imagesPerSecond = speedOf(state);
  return {
    run: dimensions.spec.run,
    generation: state.run.generation,
    phase: phaseName(phase),
    epoch: Math.min(progress.epoch, dimensions.spec.epochs - 1),
    epochs: dimensions.spec.epochs,
    // After the last epoch the cursor stands at the start of one that never comes.
    stepInEpoch: progress.epoch >= dimensions.spec.epochs ? dimensions.stepsPerEpoch : progress.stepInEpoch,
    stepsPerEpoch: dimensions.stepsPerEpoch,
    step: progress.step,
    steps: dimensions.stepsPerEpoch * dimensions.spec.epochs,
    loss: totals.samples > 0 ? totals.lossSum / totals.samples : (state.results.lastEpoch?.loss ?? null),
    accuracy:
      totals.samples > 0 ? totals.correct / totals.samples : (state.results.lastEpoch?.accuracy ?? null),
    ...(evaluation === null
      ? {}
      : {
          validation: { epoch: evaluation.epoch, loss: evaluation.loss, accuracy: evaluation.accuracy },
        }),
    ...(state.results.lastEpoch === null ? {} : { lastEpoch: state.results.lastEpoch }),
    imagesPerSecond,
    etaSeconds: etaOf(state, imagesPerSecond),
    workers: [...state.workers.values()].map((worker) => workerStatus(phase, worker)),
    ...durabilityOf(state),
    ...(message === null ? {} : { message }),
    ...(result === null ? {} : { result }),
  };
}

/** What is kept of the run, and what would be lost if the coordinator ended now. */
function durabilityOf({ checkpoints, progress, clock }: CoreState): Pick<RunStatus, "kept" | "atRisk"> {
  const { last, lastStep, lastMs, failure } = checkpoints;
  const kept = last === null ? {} : { kept: { checkpoint: last, step: lastStep ?? 0 } };
  const steps = progress.step - (lastStep ?? 0);
  if (failure === null || steps <= 0) return kept;
  return { ...kept, atRisk: { reason: failure.message, steps, seconds: (clock.nowMs - lastMs) / 1000 } };
}

/** The name of a phase as users see it. */
export function phaseName(phase: Phase): RunPhase {
  switch (phase.tag) {
    case "gathering":
      return "waiting";
    case "restoring":
      return "initialising";
    case "initialising":
    case "training":
    case "evaluating":
    case "exporting":
      return phase.tag;
    case "saving":
      return phase.goal.tag === "train" ? "training" : "exporting";
    case "committing":
      return "training";
    case "publishing":
      return "exporting";
    case "ended":
      // An interrupted run goes on later, so its followers wait.
      return phase.outcome.tag === "interrupted" ? "waiting" : phase.outcome.tag;
    default:
      return assertNever(phase);
  }
}

function messageOf(state: CoreState): string | null {
  const { phase, workers } = state;
  if (phase.tag === "ended") return phase.outcome.reason;
  const store = waitForStore(state);
  if (store !== null) return store;
  if (workers.size === 0) return "waiting for a worker";
  if (phase.tag === "gathering") {
    const preparing = [...workers.values()].filter((worker) => worker.tag === "preparing");
    return preparing.length > 0 ? `${preparing.map(({ id }) => id).join(", ")} prepare` : null;
  }
  return null;
}

/** What the run's end waits for while the store does not take it; null where nothing failed. */
function waitForStore(state: CoreState): string | null {
  const { phase } = state;
  const failed = failedWrite(phase);
  if (failed === null) return null;
  const limit = waitsOf(state).find(({ consequence }) => consequence === "fail the run");
  const leftMs = typeof limit?.until === "number" ? Math.max(0, limit.until - state.clock.nowMs) : null;
  const end = leftMs === null ? "" : `, for ${duration(leftMs / 1000)} more`;
  return `the store does not take ${failed.what}: ${failed.reason}; trying again${end}`;
}

function failedWrite(phase: Phase): { readonly what: string; readonly reason: string } | null {
  switch (phase.tag) {
    case "saving":
      return phase.failure === null
        ? null
        : { what: `checkpoint ${phase.checkpoint}`, reason: phase.failure };
    case "exporting":
      return phase.outage === null ? null : { what: "the export", reason: phase.outage.message };
    case "publishing":
      return phase.failure === null ? null : { what: "the result", reason: phase.failure };
    default:
      return null;
  }
}

/** Samples per second of the epoch so far, its steps only. */
function speedOf({
  progress,
  phase,
  clock: { nowMs, epochStartedMs },
  results: { lastEpoch },
}: CoreState): number | null {
  const seconds = (nowMs - epochStartedMs) / 1000;
  const isRunning = phase.tag === "training" || phase.tag === "committing";
  if (!isRunning || progress.totals.samples === 0 || seconds <= 0) return lastEpoch?.imagesPerSecond ?? null;
  return progress.totals.samples / seconds;
}

function etaOf(
  { run: { dimensions }, progress, phase }: CoreState,
  imagesPerSecond: number | null,
): number | null {
  if (phase.tag === "ended") return 0;
  if (imagesPerSecond === null || imagesPerSecond === 0) return null;
  const done = progress.epoch * dimensions.trainingSamples + progress.totals.samples;
  return Math.max(0, dimensions.spec.epochs * dimensions.trainingSamples - done) / imagesPerSecond;
}

function isOf(lane: LaneState, worker: string): boolean {
  if (lane.tag === "arrived") return lane.worker === worker;
  return lane.tag === "assigned" && lane.holders.some((holder) => holder.worker === worker);
}

function workerStatus(phase: Phase, worker: WorkerState): WorkerStatus {
  const lanes =
    phase.tag === "training"
      ? phase.lanes.flatMap((lane, index) => (isOf(lane, worker.id) ? [index] : []))
      : [];
  if (worker.tag === "preparing") return { id: worker.id, state: "preparing", lanes };
  return {
    id: worker.id,
    state: phase.tag === "training" && lanes.length === 0 ? "spare" : worker.doing,
    lanes,
  };
}
