/**
 * Every Prometheus metric of Trainyard: names by Prometheus' rules (base units, `_total` for counters), a help
 * text each, typed labels. Who measures is told apart by the scrape's `instance`. Serving them is shared/http's.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type RunPhase, runPhases } from "./status.js";

/** From a hundredth of a second to a minute: what a step, its parts or a store call may take. */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** A registry and its makers, so that each metric below is one line: name, help, labels. */
function createRegistry() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Two of prom-client's own break Prometheus' rule that only counters end in _total.
  for (const name of [
    "nodejs_active_handles_total",
    "nodejs_active_requests_total",
    "nodejs_active_resources_total",
  ]) {
    registry.removeSingleMetric(name);
  }
  const registers = [registry];
  return {
    registry,
    counter: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
      new Counter<L>({ name, help, labelNames, registers }),
    gauge: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
      new Gauge<L>({ name, help, labelNames, registers }),
    seconds: <L extends string = never>(name: string, help: string, ...labelNames: L[]) =>
      new Histogram<L>({ name, help, labelNames, registers, buckets: secondsBuckets }),
  };
}

export type CoordinatorMetrics = ReturnType<typeof coordinatorMetrics>;

/** The coordinator's metrics in a registry of their own, Node's process metrics included. */
export function coordinatorMetrics() {
  const { registry, counter, gauge, seconds } = createRegistry();
  const phase = gauge("trainyard_phase", "1 for the phase that the run is in, 0 for the others.", "phase");
  return {
    registry,
    runInfo: gauge(
      "trainyard_run_info",
      "The run, its data set and model; always 1.",
      "run",
      "dataset",
      "model",
    ),
    generation: gauge("trainyard_generation", "Number of the coordinator's life, from 1."),
    phase,
    setPhase: (current: RunPhase) => {
      for (const name of runPhases) phase.set({ phase: name }, name === current ? 1 : 0);
    },
    epoch: gauge("trainyard_epoch", "Epoch in progress, from 0."),
    epochs: gauge("trainyard_epochs", "Epochs that the run was asked for."),
    step: gauge("trainyard_step", "Step in progress over the whole run, from 0."),
    parameters: gauge("trainyard_model_parameters", "Trainable parameters of the model."),
    stepsCommitted: counter("trainyard_steps_committed_total", "Steps whose update became part of the run."),
    stepsSkipped: counter(
      "trainyard_steps_skipped_total",
      "Steps not applied because a gradient was not finite.",
    ),
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
    late: counter(
      "trainyard_late_total",
      "Waits that exceeded their expectation, by whom they were for and what that one was doing.",
      "worker",
      "phase",
    ),
    audits: counter(
      "trainyard_audits_total",
      "Sums computed by a second worker: equal, different, unresolved, or dropped before an answer.",
      "result",
    ),
    loss: gauge("trainyard_loss", "Mean loss: of the last step (train) or epoch (validation).", "split"),
    accuracy: gauge(
      "trainyard_accuracy_ratio",
      "Share classified correctly, 0 to 1; see trainyard_loss.",
      "split",
    ),
    learningRate: gauge("trainyard_learning_rate", "Learning rate of the last step."),
    gradientNorm: gauge("trainyard_gradient_norm", "Euclidean norm of the last step's mean gradient."),
    stepDuration: seconds("trainyard_step_duration_seconds", "From a step's assignment to its commit."),
    stepPart: seconds(
      "trainyard_step_part_duration_seconds",
      "Parts of a step: gather, until all sums and records are there; commit, until every slice has applied it.",
      "part",
    ),
    workers: gauge("trainyard_workers", "Workers by state.", "state"),
    lanes: gauge("trainyard_lanes", "Lanes of the run: at most so many workers compute at a time."),
    lanesAssigned: gauge("trainyard_lanes_assigned", "Lanes that a worker holds now."),
    receivedBytes: counter("trainyard_received_bytes_total", "Bytes of gradients received from workers."),
    sentBytes: counter("trainyard_sent_bytes_total", "Bytes of weights sent to workers."),
    messagesRefused: counter(
      "trainyard_messages_refused_total",
      "Messages not accepted, by reason.",
      "reason",
    ),
    checkpointDuration: seconds("trainyard_checkpoint_duration_seconds", "Time to write a checkpoint."),
    checkpointBytes: gauge("trainyard_checkpoint_bytes", "Size of the last checkpoint."),
    checkpointTimestamp: gauge(
      "trainyard_checkpoint_last_timestamp_seconds",
      "When the last checkpoint was complete, in seconds since 1970.",
    ),
    storeErrors: counter("trainyard_store_errors_total", "Failed calls of the object store.", "operation"),
    validationRecall: gauge(
      "trainyard_validation_recall_ratio",
      "Share of a class' validation images classified correctly, 0 to 1.",
      "class",
    ),
  };
}

export type WorkerPhase = "fetch" | "decode" | "compute" | "upload" | "download" | "wait";
export type WorkerMetrics = ReturnType<typeof workerMetrics>;

/** A worker's metrics in a registry of their own; its memory is `process_resident_memory_bytes`. */
export function workerMetrics() {
  const { registry, counter, gauge, seconds } = createRegistry();
  const phases = seconds(
    "trainyard_worker_phase_duration_seconds",
    "Where a worker's time goes: fetch, decode, compute, upload, download; wait is the time without an assignment.",
    "phase",
  );
  return {
    registry,
    runInfo: gauge("trainyard_worker_info", "The worker's id and run; always 1.", "worker", "run"),
    steps: counter("trainyard_worker_steps_total", "Steps that this worker took part in."),
    samples: counter("trainyard_worker_samples_total", "Samples that this worker computed gradients of."),
    evaluated: counter("trainyard_worker_evaluated_samples_total", "Samples that this worker evaluated."),
    phaseDuration: phases,
    observePhase: (phase: WorkerPhase, durationSeconds: number) => phases.observe({ phase }, durationSeconds),
    lanes: gauge("trainyard_worker_lanes", "Lanes that this worker holds."),
    engineTensors: gauge(
      "trainyard_worker_engine_tensors",
      "Live tensors of the engine; flat after the start.",
    ),
    cacheBytes: gauge(
      "trainyard_worker_cache_bytes",
      "Decoded pixels in the image cache, by tier: memory, disk.",
      "tier",
    ),
    cacheHits: counter(
      "trainyard_worker_cache_hits_total",
      "Images found decoded, by tier: memory, disk.",
      "tier",
    ),
    cacheMisses: counter("trainyard_worker_cache_misses_total", "Images read from the store and decoded."),
    receivedBytes: counter("trainyard_worker_received_bytes_total", "Bytes of weights received."),
    sentBytes: counter("trainyard_worker_sent_bytes_total", "Bytes of gradients sent."),
    reconnects: counter("trainyard_worker_reconnects_total", "Connections made again after one was lost."),
  };
}
