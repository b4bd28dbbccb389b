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
  const info = gauge(
    "trainyard_run_info",
    "Data set and model of the run, as labels; the value is always 1.",
    "dataset",
    "model",
  );
  return {
    registry,
    /** Labels every series with the run. Called before anything is measured. */
    describe: (run: string, dataset: string, model: string) => {
      registry.setDefaultLabels({ run });
      info.set({ dataset, model }, 1);
    },
    generation: gauge(
      "trainyard_generation",
      "How many coordinators the run has had so far; the first is number 1.",
    ),
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
    epochs: gauge("trainyard_epochs", "Number of epochs that the run is to have."),
    epochDuration: gauge(
      "trainyard_epoch_duration_seconds",
      "Duration of the last epoch, with its evaluation.",
    ),
    step: gauge("trainyard_step", "Step in progress over the whole run, from 0."),
    stepsCommitted: counter(
      "trainyard_steps_committed_total",
      "Steps whose update was applied to the weights.",
    ),
    stepsSkipped: counter(
      "trainyard_steps_skipped_total",
      "Steps not applied because a gradient, or what the update would make of it, was not finite.",
    ),
    lastCommit: gauge(
      "trainyard_last_commit_timestamp_seconds",
      "Time of the last commit, in seconds since 1970. Before the first commit: the time at which this coordinator began.",
    ),
  };
}

function sampleMetrics({ registry, counter }: Makers) {
  const audits = counter(
    "trainyard_audits_total",
    "Audits by result. A second worker computed the same sum: equal, different, unresolved (a third worker could not decide either), dropped (no answer was needed any more).",
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
      "Samples left out of a step because two workers could not read their image.",
    ),
    imagesExcluded: counter(
      "trainyard_images_excluded_total",
      "Images that two workers could not read after the import, each counted once.",
    ),
    audits,
  };
}

function qualityMetrics({ gauge }: Makers) {
  return {
    loss: gauge(
      "trainyard_loss",
      "Mean loss of the last step (split train; NaN when it was not finite) or of the last epoch (split validation).",
      "split",
    ),
    accuracy: gauge(
      "trainyard_accuracy_ratio",
      "Share of samples classified correctly, 0 to 1, of the last step (split train) or of the last epoch (split validation).",
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
    stepDuration: seconds(
      "trainyard_step_duration_seconds",
      "Duration of a step, from its assignment to its commit.",
    ),
    stepPart: seconds(
      "trainyard_step_part_duration_seconds",
      "Duration of the two parts of a step. gather: until all gradients and lane records have arrived. commit: from then until every slice has applied the update.",
      "part",
    ),
    imagesPerSecond: gauge(
      "trainyard_images_per_second",
      "Samples committed per second over the last 20 steps. Evaluation and pauses between steps do not count.",
    ),
    efficiency: gauge(
      "trainyard_efficiency_ratio",
      "trainyard_images_per_second divided by the sum of trainyard_worker_images_per_second. 1: every engine computes all the time.",
    ),
  };
}

function membershipMetrics(makers: Makers) {
  const { registry, counter, gauge } = makers;
  const left = counter(
    "trainyard_workers_left_total",
    "Workers that left, by reason. Intended: drained, replaced, ended. Losses: disconnected, silent, overdue, failed, wrong, store.",
    "reason",
  );
  registry.startWith(() => {
    for (const reason of [...meant, ...losses]) left.inc({ reason }, 0);
  });
  return {
    workers: gauge("trainyard_workers", "Workers by state: preparing, ready.", "state"),
    workersJoined: counter(
      "trainyard_workers_joined_total",
      "Workers that joined the run. A worker that comes back counts again.",
    ),
    workersLeft: left,
    ...seriesOfWorkers(makers),
    lanes: gauge(
      "trainyard_lanes",
      "Lanes of the run. No more workers than this can compute at the same time.",
    ),
    lanesAssigned: gauge(
      "trainyard_lanes_assigned",
      "Lanes of the current step that are assigned to a worker and have not arrived yet.",
    ),
  };
}

/** The metrics that have a series for each worker. */
function seriesOfWorkers({ counter, gauge }: Makers) {
  const gauges = {
    workerReady: gauge(
      "trainyard_worker_ready",
      "1 for a worker that is ready for assignments, 0 for a worker that still prepares.",
      "worker",
    ),
    workerLanes: gauge(
      "trainyard_worker_home_lanes",
      "Number of lanes that the lane placement gives to a worker in every step.",
      "worker",
    ),
    workerSpeed: gauge(
      "trainyard_worker_images_per_second",
      "Samples per second of a worker's engine while it computes, over the last 20 steps that it took part in.",
      "worker",
    ),
  };
  const late = counter(
    "trainyard_late_total",
    "Waits that took longer than expected, by the worker or reducer that was waited for and by what it was doing (phase).",
    "worker",
    "phase",
  );
  const lost = gauge(
    "trainyard_worker_lost_timestamp_seconds",
    "Time at which a worker was lost, in seconds since 1970. Shown for the last 20 lost workers that have not come back.",
    "worker",
    "reason",
  );
  return {
    ...gauges,
    late,
    ofWorkers: new WorkerSeries({ gauges: Object.values(gauges), late, lost }),
  };
}

function wireMetrics({ registry, counter }: Makers) {
  const refused = counter(
    "trainyard_messages_refused_total",
    "Messages of workers that the coordinator refused, by reason.",
    "reason",
  );
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
      "Time at which the last checkpoint was complete, in seconds since 1970. Before the first checkpoint: the time at which this coordinator began.",
    ),
    checkpointInterval: gauge(
      "trainyard_checkpoint_interval_seconds",
      "Time after the last checkpoint within which the next one is due: the run's setting, or the duration of the last epoch. 0: not known yet.",
    ),
    checkpointFailures: counter(
      "trainyard_checkpoint_failures_total",
      "Checkpoints that could not be written.",
    ),
  };
}
