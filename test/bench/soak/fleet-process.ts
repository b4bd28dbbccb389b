/**
 * Emulated workers that serve one run after another. Once in a while one of them leaves and comes back under a new name,
 * in turn.
 *   node fleet-process.js PLAN ADDRESS
 */
import { setTimeout as sleep } from "node:timers/promises";
import { TrainyardError } from "../../../shared/errors.js";
import { letHeapGrow } from "../../../shared/heap.js";
import { limits } from "../../../shared/limits.js";
import { createLogger } from "../../../shared/log.js";
import { workerMetrics } from "../../../shared/metrics.js";
import { realDependencies } from "../../../worker/dependencies.js";
import { runWorker } from "../../../worker/worker.js";
import { emulatedRun } from "../emulated/emulated-run.js";
import type { SoakPlan } from "./protocol.js";

letHeapGrow();
const { cell, leaveMs } = JSON.parse(process.argv[2] ?? "") as SoakPlan;
const coordinator = process.argv[3] ?? "";

/** Serves runs until the signal aborts. */
async function serve(id: string, signal: AbortSignal): Promise<void> {
  const logger = createLogger({ role: "worker", level: "error" });
  const dependencies = {
    ...realDependencies,
    prepareRun: (spec: Parameters<typeof emulatedRun>[1]) => emulatedRun(cell, spec),
  };
  while (!signal.aborted) {
    try {
      const metrics = workerMetrics();
      const place = {
        coordinator,
        metricsAddress: "",
        isStaying: true,
        connectTimeoutMs: Number.POSITIVE_INFINITY,
      };
      await runWorker({ ...place, id, logger, metrics, signal, dependencies });
    } catch (error) {
      if (!(error instanceof TrainyardError) || error.code !== "INTERRUPTED") throw error;
    }
    if (!signal.aborted) await sleep(limits.betweenRunsMs);
  }
}

interface Member {
  readonly leave: AbortController;
  readonly served: Promise<void>;
}

function join(id: string): Member {
  const leave = new AbortController();
  const served = serve(id, leave.signal);
  served.catch((error: unknown) => {
    console.error(error);
    process.exit(1);
  });
  return { leave, served };
}

process.on("SIGTERM", () => process.exit(0));
const members = Array.from({ length: cell.workers }, (_, place) => join(`soak-${place}-0`));
for (let life = 1; ; life += 1) {
  await sleep(leaveMs);
  const place = life % members.length;
  const former = members[place];
  former?.leave.abort();
  await former?.served;
  members[place] = join(`soak-${place}-${life}`);
}
