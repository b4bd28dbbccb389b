/**
 * Every Prometheus metric of Trainyard, by who measures: names by Prometheus' rules (base units, `_total` for counters), a
 * help text each, typed labels of bounded number. docs/metrics.md lists them; serving them is shared/http's.
 */
export {
  type CoordinatorMetrics,
  coordinatorMetrics,
  type Departure,
  isLoss,
  losses,
} from "./metrics/coordinator.js";
export { metricsOfRuns, processMetrics, type RunRegistry } from "./metrics/registry.js";
export { type RunOutcome, runOutcomes, type StandingMetrics, standingMetrics } from "./metrics/standing.js";
export { type StoreMetrics, type StoreOperation, storeOperations } from "./metrics/store.js";
export { type WorkerMetrics, type WorkerPhase, workerMetrics } from "./metrics/worker.js";
