/** Metrics of what a worker holds in memory and on disk: decoded images and the engine's tensors. */
import type { WorkerMetrics } from "../shared/metrics.js";
import type { PreparedRun } from "./prepared-run.js";

/** Sets the metrics. The engine is asked for its tensor count, so this is called between steps only. */
export async function observeMemory(run: PreparedRun, metrics: WorkerMetrics): Promise<void> {
  const loaders = [run.training, run.validation];
  const sum = (of: (loader: (typeof loaders)[number]) => number) =>
    loaders.reduce((total, loader) => total + of(loader), 0);
  const tiers = {
    memory: { bytes: sum((loader) => loader.heldBytes), hits: sum((loader) => loader.counters.cacheHits) },
    disk: { bytes: sum((loader) => loader.fileBytes), hits: sum((loader) => loader.counters.diskHits) },
  };
  // The loaders count since their start, so each counter is set anew.
  metrics.cacheHits.reset();
  for (const [tier, { bytes, hits }] of Object.entries(tiers)) {
    metrics.cacheBytes.set({ tier }, bytes);
    metrics.cacheHits.inc({ tier }, hits);
  }
  metrics.cacheMisses.reset();
  metrics.cacheMisses.inc(sum((loader) => loader.counters.decoded));
  metrics.engineTensors.set((await run.engine.call("tensorCount", {})).output);
}
