/**
 * Emulated workers in one process: the real worker on real streams, with an engine that answers after a set delay with
 * a gradient that was made beforehand. Nothing is decoded and nothing computed, so what is measured is the rest.
 */
import { letHeapGrow } from "../../../shared/heap.js";
import { createLogger } from "../../../shared/log.js";
import { workerMetrics } from "../../../shared/metrics.js";
import { realDependencies } from "../../../worker/dependencies.js";
import { runWorker } from "../../../worker/worker.js";
import { emulatedRun } from "./emulated-run.js";
import type { Cell } from "./protocol.js";

letHeapGrow();
const cell = JSON.parse(process.argv[2] ?? "") as Cell;
const address = process.argv[3] ?? "";

process.on("SIGTERM", () => process.exit(0));
const metrics = workerMetrics();
for (let worker = 0; worker < cell.workers; worker += 1) {
  runWorker({
    coordinator: address,
    id: `emulated-${worker}`,
    metricsAddress: "",
    logger: createLogger({ role: "worker", level: "error" }),
    metrics,
    signal: new AbortController().signal,
    dependencies: { ...realDependencies, prepareRun: (spec) => emulatedRun(cell, spec) },
  }).catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
}
