/** Builds the result of a finished run from the core's state. shared/result.ts describes the fields. */

import type { RunResult } from "../shared/result.js";
import { runKey } from "../shared/spec.js";

import type { WrittenCheckpoint } from "./checkpoints/checkpoint-writer.js";
import { median } from "./core/distribution.js";
import type { EpochRow } from "./core/epoch.js";
import type { CoreState, Outcome } from "./core/state.js";
import type { StepTiming } from "./core/timing.js";

type EpochSummary = NonNullable<RunResult["final"]>;
type ClassResult = RunResult["classes"][number];

/** What the result says of a finished run that the core's state does not hold. */
export interface FinishedRun {
  readonly outcome: Extract<Outcome, { tag: "finished" }>;
  readonly exported: RunResult["exported"];
  /** The exported checkpoint, where its objects are known. */
  readonly checkpoint: WrittenCheckpoint | undefined;
  /** Seconds that all reducers' threads computed. */
  readonly reducersBusySeconds: number;
}

/** The result of a finished run. */
export function resultOf(state: CoreState, finished: FinishedRun): RunResult {
  const { outcome, exported, checkpoint, reducersBusySeconds } = finished;
  const { dimensions } = state.run;
  const { progress } = state;
  const { layout } = state.model;
  const { committed } = progress.ledger;
  const seconds = (state.clock.nowMs - state.clock.startedMs) / 1000;
  return {
    format: "trainyard-result/1",
    run: dimensions.spec.run,
    generation: state.run.generation,
    outcome: outcome.tag,
    reason: outcome.reason,
    dataset: dimensions.spec.dataset,
    model: dimensions.spec.model.name,
    parameters: layout?.parameterCount ?? 0,
    lanes: dimensions.spec.lanes,
    workersSeen: state.membership.joined,
    fingerprints: state.membership.fingerprints.map((known) => ({ ...known, ...dimensions.spec.engine })),
    sameBits: state.membership.fingerprints.length <= 1,
    steps: progress.step,
    epochs: progress.epoch,
    seconds,
    imagesPerSecond: seconds > 0 && committed > 0 ? committed / seconds : null,
    final: state.results.lastEpoch === null ? null : summary(state.results.lastEpoch),
    best: progress.memory.best === null ? null : summary(progress.memory.best),
    classes: classResults(state),
    confusion: state.results.evaluation?.confusion ?? [],
    samples: { ...progress.ledger, ...accountOf(state) },
    exclusions: progress.exclusions.map((exclusion) => ({ ...exclusion })),
    exported: exported && {
      ...exported,
      paths: exported.paths.map((key) => belowRun(dimensions.spec.run, key)),
    },
    weightsSha256: checkpoint?.weightsSha256 ?? "",
    timing: timingOf(state, reducersBusySeconds),
  };
}

/** Where the time of the steps went; null when this coordinator committed no step that counts. */
function timingOf(state: CoreState, reducersBusySeconds: number): RunResult["timing"] {
  const { timings } = state.measured;
  const { progress } = state;
  const { restored } = state.run;
  const { slices } = state.model;
  const spread = (of: (timing: StepTiming) => number) => secondsSpread(timings.map(of));
  if (timings.length === 0) return null;
  const steps = progress.step - (restored?.saved.progress.step ?? 0);
  return {
    steps: timings.length,
    stepSeconds: spread(({ stepMs }) => stepMs),
    laneSeconds: spread(({ laneMs }) => laneMs),
    computeSeconds: spread(({ computeMs }) => computeMs),
    commitSeconds: spread(({ commitMs }) => commitMs),
    workers: median(timings.map(({ workers }) => workers)) ?? 1,
    reducers: slices.tag === "up" ? slices.count : 1,
    reducerSeconds: reducersBusySeconds / Math.max(1, steps),
  };
}

function secondsSpread(values: readonly number[]) {
  const seconds = values.map((ms) => ms / 1000);
  return { min: Math.min(...seconds), median: median(seconds) ?? 0, max: Math.max(...seconds) };
}

/** Paths in result.json lie below `runs/<run>/`. */
const belowRun = (run: string, key: string) => key.slice(runKey(run, "").length);

function summary(row: EpochRow): EpochSummary {
  const { epoch, loss, accuracy, validationLoss, validationAccuracy } = row;
  return { epoch, loss, accuracy, validationLoss, validationAccuracy };
}

function classResults({ run: { dimensions }, results: { evaluation } }: CoreState): ClassResult[] {
  return dimensions.spec.classes.map((name, index) => {
    const row = evaluation?.confusion[index] ?? [];
    const images = row.reduce((sum, count) => sum + count, 0);
    const correct = row[index] ?? 0;
    return { name, images, correct, recall: images > 0 ? correct / images : null };
  });
}

/** Every sample of a finished epoch must be committed, skipped or excluded, exactly once. */
function accountOf({ run: { dimensions }, progress }: CoreState): { lost: number; repeated: number } {
  const { committed, skipped, excluded } = progress.ledger;
  const difference =
    dimensions.trainingSamples * progress.epoch + progress.totals.samples - (committed + skipped + excluded);
  return { lost: Math.max(0, difference), repeated: Math.max(0, -difference) };
}
