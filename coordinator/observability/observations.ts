/** Sets the run's metrics from states, steps and epochs. The HTTP server that shows them is shared/http.ts. */
import type { Clock } from "../../shared/clock.js";
import { workerPhases } from "../../shared/grpc/texts.js";
import { type CoordinatorMetrics, isLoss } from "../../shared/metrics.js";
import type { RunSpec } from "../../shared/spec.js";
import type { CoreEvent, Effect } from "../core/events.js";
import type { CoreState } from "../core/state.js";
import { phaseName } from "../status.js";
import { comingsWith } from "./departures.js";
import { Throughput } from "./throughput.js";

type EffectOf<Tag extends Effect["tag"]> = Extract<Effect, { tag: Tag }>;

/** Between two looks at every worker: a fleet has a thousand. */
const membersEveryMs = 1_000;

/** Keeps a run's metrics up to date. */
export class Observations {
  readonly #metrics: CoordinatorMetrics;
  readonly #spec: RunSpec;
  readonly #clock: Clock;
  readonly #throughput = new Throughput();
  #membersMs = Number.NEGATIVE_INFINITY;

  constructor(metrics: CoordinatorMetrics, spec: RunSpec, clock: Clock) {
    this.#metrics = metrics;
    this.#spec = spec;
    this.#clock = clock;
    metrics.lastCommit.set(this.#nowSeconds);
    metrics.checkpointTimestamp.set(this.#nowSeconds);
    metrics.checkpointInterval.set(spec.checkpoint.everySeconds ?? 0);
  }

  /** After every event: only what it may have changed, since a step has dozens of them. */
  change(event: CoreEvent, before: CoreState, after: CoreState): void {
    const ledgers = [before.progress.ledger, after.progress.ledger] as const;
    const redone = ledgers[1].redone - ledgers[0].redone;
    const excluded = ledgers[1].excluded - ledgers[0].excluded;
    if (redone > 0) this.#metrics.samplesRedone.inc(redone);
    if (excluded > 0) this.#metrics.samplesExcluded.inc(excluded);
    if (phaseName(after.phase) !== phaseName(before.phase)) this.#metrics.setPhase(phaseName(after.phase));
    this.#noteComings(event, before, after);
    if (event.tag === "said" && event.body.kind === "laneRecord" && after.workers.has(event.worker)) {
      const { samples, computeSeconds } = event.body;
      this.#throughput.noteLane(event.worker, { samples, seconds: computeSeconds });
    }
  }

  /** Looks at every lane and, more seldom, at every worker, so: now and then. */
  state({ phase, workers, placement, clock: { nowMs } }: CoreState): void {
    const count = (tag: string) => [...workers.values()].filter((worker) => worker.tag === tag).length;
    this.#metrics.setPhase(phaseName(phase));
    this.#metrics.workers.set({ state: "ready" }, count("ready"));
    this.#metrics.workers.set({ state: "preparing" }, count("preparing"));
    const lanes = phase.tag === "training" ? phase.lanes : [];
    this.#metrics.lanesAssigned.set(lanes.filter((lane) => lane.tag === "assigned").length);
    if (nowMs - this.#membersMs < membersEveryMs) return;
    this.#membersMs = nowMs;
    this.#observeMembers(workers, placement?.lanes ?? []);
  }

  /** The train loss of a skipped step is no number: some lane of it had none. */
  step({ row }: EffectOf<"stepCommitted">): void {
    const metrics = this.#metrics;
    const isApplied = row.status === "applied";
    metrics.epoch.set(row.epoch);
    metrics.step.set(row.step);
    metrics.lastCommit.set(this.#nowSeconds);
    metrics.learningRate.set(row.learningRate);
    metrics.stepDuration.observe(row.seconds);
    this.#throughput.noteStep({ samples: isApplied ? row.samples : 0, seconds: row.seconds });
    metrics.imagesPerSecond.set(this.#throughput.imagesPerSecond);
    metrics.efficiency.set(this.#throughput.efficiency);
    if (isApplied) {
      metrics.loss.set({ split: "train" }, row.loss ?? Number.NaN);
      metrics.accuracy.set({ split: "train" }, row.accuracy ?? Number.NaN);
      metrics.gradientNorm.set(row.gradientNorm ?? Number.NaN);
      metrics.stepsCommitted.inc();
      metrics.samplesCommitted.inc(row.samples);
    } else if (row.samples > 0) {
      metrics.loss.set({ split: "train" }, Number.NaN);
      metrics.stepsSkipped.inc();
      metrics.samplesSkipped.inc(row.samples);
    }
  }

  epoch({ row, evaluation }: EffectOf<"epochEnded">): void {
    const { classes, checkpoint } = this.#spec;
    this.#metrics.epochDuration.set(row.seconds);
    this.#metrics.checkpointInterval.set(checkpoint.everySeconds ?? row.seconds);
    if (evaluation === null) return;
    this.#metrics.loss.set({ split: "validation" }, evaluation.loss);
    this.#metrics.accuracy.set({ split: "validation" }, evaluation.accuracy ?? Number.NaN);
    evaluation.confusion.forEach((counts, label) => {
      const images = counts.reduce((sum, value) => sum + value, 0);
      const name = classes[label] ?? String(label);
      if (images > 0) this.#metrics.validationRecall.set({ class: name }, (counts[label] ?? 0) / images);
    });
  }

  late({ worker, phase }: EffectOf<"late">): void {
    this.#metrics.ofWorkers.late(worker, phase);
  }

  /** The slices are up; each has a reducer that may be late. */
  reducers(count: number): void {
    for (let slice = 0; slice < count; slice += 1)
      this.#metrics.ofWorkers.join(`reducer ${slice}`, ["reduce"]);
  }

  checkpoint({ bytes }: { readonly bytes: number }, seconds: number): void {
    this.#metrics.checkpointDuration.observe(seconds);
    this.#metrics.checkpointBytes.set(bytes);
    this.#metrics.checkpointTimestamp.set(this.#nowSeconds);
  }

  #noteComings(event: CoreEvent, before: CoreState, after: CoreState): void {
    const { joined, left } = comingsWith(event, before, after);
    const { workersLeft, workersJoined, ofWorkers } = this.#metrics;
    for (const { worker, departure } of left) {
      workersLeft.inc({ reason: departure });
      ofWorkers.leave(worker);
      this.#throughput.forget(worker);
      if (isLoss(departure)) ofWorkers.lose(worker, departure, this.#nowSeconds);
    }
    for (const worker of joined) {
      workersJoined.inc();
      ofWorkers.join(worker, workerPhases);
    }
  }

  #observeMembers(workers: CoreState["workers"], placement: readonly string[]): void {
    const { workerReady, workerLanes, workerSpeed, ofWorkers } = this.#metrics;
    const lanes = new Map<string, number>();
    for (const worker of placement) lanes.set(worker, (lanes.get(worker) ?? 0) + 1);
    for (const { id, tag } of workers.values()) {
      const label = ofWorkers.labelOf(id);
      if (label === null) continue;
      workerReady.set({ worker: label }, tag === "ready" ? 1 : 0);
      workerLanes.set({ worker: label }, lanes.get(id) ?? 0);
      workerSpeed.set({ worker: label }, this.#throughput.imagesPerSecondOf(id));
    }
  }

  get #nowSeconds(): number {
    return this.#clock.date().getTime() / 1000;
  }
}
