/** The metrics of a run on its coordinator. Every series carries the run's name. */
import { type RunPhase, runPhases } from "../status.js";
import { createRegistry, type Makers } from "./registry.js";
import { storeMetrics } from "./store.js";
import { WorkerSeries } from "./worker-series.js";

/** Departures that are no fault: the worker was stopped, it came back at once under the same name, or the run is over. */
const meant = ["drained", "replaced", "ended"] as const;
/** Reasons for which a worker was lost. */
export const losses = ["disconnected", "silent", "overdue", "failed", "wrong", "store"] as const;
/** Why a worker was lost. */
export type Loss = (typeof losses)[number];
/** Why a worker is not in the run any more. */
export type Departure = (typeof meant)[number] | Loss;

/** True when the worker was lost: it did not leave as intended. */
export const isLoss = (departure: Departure): departure is Loss => losses.some((one) => one === departure);

/** The metrics of one run on its coordinator, with their registry. */
export type CoordinatorMetrics = ReturnType<typeof coordinatorMetrics>;

/** Creates the metrics of a run, in a registry of their own. */
export function coordinatorMetrics() {
  const makers = createRegistry();
  const { registry, gauge } = makers;
  const info = gauge("trainyard_run_info", "The run's data set and model; always 1.", "dataset", "model");
  return {
    registry,
    /** Labels every series with the run. Called before anything is measured. */
    describe: (run: string, dataset: string, model: string) => {
      registry.setDefaultLabels({ run });
      info.set({ dataset, model }, 1);
    },
    generation: gauge("trainyard_generation", "Number of the coordinator's life, from 1."),
    ...progressMetrics(makers),
    ...sampleMetrics(makers),
    ...qualityMetrics(makers),
    ...speedMetrics(makers),
    ...membershipMetrics(makers),
    ...wireMetrics(makers),
    ...checkpointMetrics(makers),
    ...storeMetrics(makers),
  };
}

function progressMetrics({ counter, gauge }: Makers) {
  const phase = gauge("trainyard_phase", "1 for the phase that the run is in, 0 for the others.", "phase");
  return {
    phase,
    setPhase: (current: RunPhase) => {
      for (const name of runPhases) phase.set({ phase: name }, name === current ? 1 : 0);
    },
    epoch: gauge("trainyard_epoch", "Epoch in progress, from 0."),
    epochs: gauge("trainyard_epochs", "Epochs that the run was asked for."),
    epochDuration: gauge(
      "trainyard_epoch_duration_seconds",
      "What the last epoch took, its evaluation included.",
    ),
    step: gauge("trainyard_step", "Step in progress over the whole run, from 0."),
    stepsCommitted: counter("trainyard_steps_committed_total", "Steps whose update became part of the run."),
    stepsSkipped: counter(
      "trainyard_steps_skipped_total",
      "Steps not applied because a gradient, or what the update would make of it, was not finite.",
    ),
    lastCommit: gauge(
      "trainyard_last_commit_timestamp_seconds",
      "When the last step was committed, in seconds since 1970; before the first, when this coordinator began.",
    ),
  };
}

function sampleMetrics({ registry, counter }: Makers) {
  const audits = counter(
    "trainyard_audits_total",
    "Sums computed by a second worker: equal, different, unresolved, or dropped before an answer.",
    "result",
  );
  registry.startWith(() => {
    for (const result of ["equal", "different", "unresolved", "dropped"]) audits.inc({ result }, 0);
  });
  return {
    samplesCommitted: counter(
      "trainyard_samples_committed_total",
      "Samples in committed steps, each counted once.",
    ),
    samplesRedone: counter(
      "trainyard_samples_redone_total",
      "Samples computed again after a worker was lost.",
    ),
    samplesSkipped: counter("trainyard_samples_skipped_total", "Samples of steps that were not applied."),
    samplesExcluded: counter(
      "trainyard_samples_excluded_total",
      "Samples left out of steps because their bytes are damaged.",
    ),
    imagesExcluded: counter(
      "trainyard_images_excluded_total",
      "Images found damaged after import, each counted once.",
    ),
    audits,
  };
}

function qualityMetrics({ gauge }: Makers) {
  return {
    loss: gauge(
      "trainyard_loss",
      "Mean loss: of the last step (train; NaN when it was not finite) or epoch (validation).",
      "split",
    ),
    accuracy: gauge(
      "trainyard_accuracy_ratio",
      "Share classified correctly, 0 to 1; see trainyard_loss.",
      "split",
    ),
    validationRecall: gauge(
      "trainyard_validation_recall_ratio",
      "Share of a class' validation images classified correctly, 0 to 1.",
      "class",
    ),
    learningRate: gauge("trainyard_learning_rate", "Learning rate of the last step."),
    gradientNorm: gauge("trainyard_gradient_norm", "Euclidean norm of the last step's mean gradient."),
    parameters: gauge("trainyard_model_parameters", "Trainable parameters of the model."),
  };
}

function speedMetrics({ gauge, seconds }: Makers) {
  return {
    stepDuration: seconds("trainyard_step_duration_seconds", "From a step's assignment to its commit."),
    stepPart: seconds(
      "trainyard_step_part_duration_seconds",
      "Parts of a step: gather, until all sums and records are there; commit, until every slice has applied it.",
      "part",
    ),
    imagesPerSecond: gauge(
      "trainyard_images_per_second",
      "Samples committed a second, over the last 20 steps from assignment to commit; evaluation is not in it.",
    ),
    efficiency: gauge(
      "trainyard_efficiency_ratio",
      "trainyard_images_per_second divided by the sum of trainyard_worker_images_per_second: 1 = all engines compute all the time.",
    ),
  };
}

function membershipMetrics({ registry, counter, gauge }: Makers) {
  const left = counter(
    "trainyard_workers_left_total",
    "Workers that left, by why: drained, replaced and ended are meant; disconnected, silent, overdue, failed, wrong and store are losses.",
    "reason",
  );
  registry.startWith(() => {
    for (const reason of [...meant, ...losses]) left.inc({ reason }, 0);
  });
  const ofWorkers = {
    workerReady: gauge(
      "trainyard_worker_ready",
      "1 for a worker that takes assignments, 0 for one that prepares.",
      "worker",
    ),
    workerLanes: gauge(
      "trainyard_worker_home_lanes",
      "Lanes that are a worker's from step to step: its share of every global batch.",
      "worker",
    ),
    workerSpeed: gauge(
      "trainyard_worker_images_per_second",
      "Samples that a worker computes a second while it computes, over the last 20 steps in which it did.",
      "worker",
    ),
  };
  const late = counter(
    "trainyard_late_total",
    "Waits that exceeded their expectation, by whom they were for and what that one was doing.",
    "worker",
    "phase",
  );
  const lost = gauge(
    "trainyard_worker_lost_timestamp_seconds",
    "When a worker was lost, in seconds since 1970, for the last 20 of them that have not come back.",
    "worker",
    "reason",
  );
  return {
    workers: gauge("trainyard_workers", "Workers by state: preparing, ready.", "state"),
    workersJoined: counter(
      "trainyard_workers_joined_total",
      "Workers taken into the run, each time they came.",
    ),
    workersLeft: left,
    ...ofWorkers,
    late,
    ofWorkers: new WorkerSeries({ gauges: Object.values(ofWorkers), late, lost }),
    lanes: gauge("trainyard_lanes", "Lanes of the run: at most so many workers compute at a time."),
    lanesAssigned: gauge("trainyard_lanes_assigned", "Lanes that a worker holds now."),
  };
}

function wireMetrics({ registry, counter }: Makers) {
  const refused = counter("trainyard_messages_refused_total", "Messages not accepted, by reason.", "reason");
  registry.startWith(() => refused.inc({ reason: "malformed" }, 0));
  return {
    receivedBytes: counter("trainyard_received_bytes_total", "Bytes of gradients received from workers."),
    sentBytes: counter("trainyard_sent_bytes_total", "Bytes of weights sent to workers."),
    messagesRefused: refused,
  };
}

function checkpointMetrics({ counter, gauge, seconds }: Makers) {
  return {
    checkpointDuration: seconds("trainyard_checkpoint_duration_seconds", "Time to write a checkpoint."),
    checkpointBytes: gauge("trainyard_checkpoint_bytes", "Size of the last checkpoint."),
    checkpointTimestamp: gauge(
      "trainyard_checkpoint_last_timestamp_seconds",
      "When the last checkpoint was complete, in seconds since 1970; before the first, when this coordinator began.",
    ),
    checkpointInterval: gauge(
      "trainyard_checkpoint_interval_seconds",
      "Within so long of the last checkpoint the next is due: the run's setting, else what the last epoch took; 0 = not known yet.",
    ),
    checkpointFailures: counter(
      "trainyard_checkpoint_failures_total",
      "Checkpoints that could not be written.",
    ),
  };
}
