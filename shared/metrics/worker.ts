/** The metrics of a worker. Every series carries the worker's id, and its run once that is known. */
import { createRegistry } from "./registry.js";
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
    "Where a worker's time goes: fetch, decode, compute, upload, download; wait is the time without an assignment.",
    "phase",
  );
  const info = gauge("trainyard_worker_info", "The worker's id and run; always 1.");
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
    steps: counter("trainyard_worker_steps_total", "Steps that this worker took part in."),
    samples: counter("trainyard_worker_samples_total", "Samples that this worker computed gradients of."),
    evaluated: counter("trainyard_worker_evaluated_samples_total", "Samples that this worker evaluated."),
    phaseDuration: phases,
    observePhase: (phase: WorkerPhase, durationSeconds: number) => phases.observe({ phase }, durationSeconds),
    lanes: gauge("trainyard_worker_lanes", "Lanes of this worker's last assignment."),
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
    ...storeMetrics(makers),
  };
}
