/** What the run's metrics are told of states, steps and epochs. Where they are served is shared/http's. */
import type { CoordinatorMetrics } from "../shared/metrics.js";
import type { Effect } from "./core/events.js";
import type { CoreState } from "./core/state.js";
import { phaseName } from "./status.js";

type Noted<Tag extends Effect["tag"]> = Extract<Effect, { tag: Tag }>;

/** After every event: only what it may have changed, since a step has dozens of them. */
export function observeChange(metrics: CoordinatorMetrics, before: CoreState, after: CoreState): void {
  const ledgers = [before.progress.ledger, after.progress.ledger] as const;
  const redone = ledgers[1].redone - ledgers[0].redone;
  const excluded = ledgers[1].excluded - ledgers[0].excluded;
  if (redone > 0) metrics.samplesRedone.inc(redone);
  if (excluded > 0) metrics.samplesExcluded.inc(excluded);
  if (phaseName(after.phase) !== phaseName(before.phase)) metrics.setPhase(phaseName(after.phase));
}

/** Looks at every worker and lane, so: now and then. */
export function observeState(metrics: CoordinatorMetrics, { phase, workers }: CoreState): void {
  const count = (tag: string) => [...workers.values()].filter((worker) => worker.tag === tag).length;
  metrics.setPhase(phaseName(phase));
  metrics.workers.set({ state: "ready" }, count("ready"));
  metrics.workers.set({ state: "preparing" }, count("preparing"));
  const lanes = phase.tag === "training" ? phase.lanes : [];
  metrics.lanesAssigned.set(lanes.filter((lane) => lane.tag === "assigned").length);
}

export function observeStep(metrics: CoordinatorMetrics, { row }: Noted<"stepCommitted">): void {
  metrics.epoch.set(row.epoch);
  metrics.step.set(row.step);
  metrics.loss.set({ split: "train" }, row.loss);
  metrics.accuracy.set({ split: "train" }, row.accuracy);
  metrics.learningRate.set(row.learningRate);
  metrics.gradientNorm.set(row.gradientNorm);
  metrics.stepDuration.observe(row.seconds);
  if (row.status === "applied") {
    metrics.stepsCommitted.inc();
    metrics.samplesCommitted.inc(row.samples);
  } else {
    metrics.stepsSkipped.inc();
    metrics.samplesSkipped.inc(row.samples);
  }
}

export function observeEpoch(
  metrics: CoordinatorMetrics,
  classes: readonly string[],
  { evaluation }: Noted<"epochEnded">,
): void {
  if (evaluation === null) return;
  metrics.loss.set({ split: "validation" }, evaluation.loss);
  metrics.accuracy.set({ split: "validation" }, evaluation.accuracy);
  evaluation.confusion.forEach((counts, label) => {
    const images = counts.reduce((sum, value) => sum + value, 0);
    const name = classes[label] ?? String(label);
    if (images > 0) metrics.validationRecall.set({ class: name }, (counts[label] ?? 0) / images);
  });
}
