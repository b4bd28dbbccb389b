/** The metrics of a worker. Every series carries the worker's id, and its run once that is known. */
import { createRegistry, type Makers } from "./registry.js";
import { storeMetrics } from "./store.js";

/** What a worker spends time on. */
export type WorkerPhase = "fetch" | "decode" | "compute" | "upload" | "download" | "wait";
/** The metrics of one worker, with their registry. */
export type WorkerMetrics = ReturnType<typeof workerMetrics>;

/** Creates a worker's metrics, in a registry of their own. The worker's memory is `process_resident_memory_bytes`. */
export function workerMetrics() {
  const makers = createRegistry();
  const { registry, counter, gauge, seconds } = makers;
  const phases = seconds(
    "trainyard_worker_phase_duration_seconds",
    "Time that a worker spends on fetch, decode, compute, upload and download; wait: time without an assignment.",
    "phase",
  );
  const info = gauge("trainyard_worker_info", "Id and run of the worker, as labels; the value is always 1.");
  let formerRun: string | undefined;
  /** Labels the series. Counts start anew with another run, because a series belongs to one run. */
  const describe = (worker: string, run?: string) => {
    if (run !== undefined && formerRun !== undefined && run !== formerRun) registry.resetMetrics();
    formerRun = run ?? formerRun;
    registry.setDefaultLabels(formerRun === undefined ? { worker } : { worker, run: formerRun });
    info.set(1);
  };
  return {
    registry,
    describe,
    phaseDuration: phases,
    observePhase: (phase: WorkerPhase, durationSeconds: number) => phases.observe({ phase }, durationSeconds),
    ...workMetrics(makers),
    ...cacheMetrics(makers),
    receivedBytes: counter("trainyard_worker_received_bytes_total", "Bytes of weights received."),
    sentBytes: counter("trainyard_worker_sent_bytes_total", "Bytes of gradients sent."),
    reconnects: counter(
      "trainyard_worker_reconnects_total",
      "Lost connections to the coordinator that were made again.",
    ),
    ...storeMetrics(makers),
  };
}

/** What the worker has computed. */
function workMetrics({ counter, gauge }: Makers) {
  return {
    steps: counter("trainyard_worker_steps_total", "Steps that this worker took part in."),
    samples: counter("trainyard_worker_samples_total", "Samples that this worker computed gradients of."),
    evaluated: counter("trainyard_worker_evaluated_samples_total", "Samples that this worker evaluated."),
    lanes: gauge("trainyard_worker_lanes", "Lanes of this worker's last assignment."),
    engineTensors: gauge(
      "trainyard_worker_engine_tensors",
      "Tensors that the engine holds. The number must not rise while a run is trained.",
    ),
  };
}

/** The cache of decoded images. */
function cacheMetrics({ counter, gauge }: Makers) {
  return {
    cacheBytes: gauge(
      "trainyard_worker_cache_bytes",
      "Size of the decoded images in the image cache, by tier: memory, disk.",
      "tier",
    ),
    cacheHits: counter(
      "trainyard_worker_cache_hits_total",
      "Images that were found decoded in the image cache, by tier: memory, disk.",
      "tier",
    ),
    cacheMisses: counter("trainyard_worker_cache_misses_total", "Images read from the store and decoded."),
  };
}
