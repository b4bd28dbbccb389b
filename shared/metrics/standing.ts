/** What a standing coordinator has beyond one run: its queue, and how its runs ended. Among the process' own metrics. */
import { Counter, Gauge } from "prom-client";
import { processMetrics } from "./registry.js";

/** How a run on a standing coordinator can end, as a label of metrics. */
export const runOutcomes = ["finished", "stopped", "failed", "interrupted"] as const;
/** How a run on a standing coordinator ended. */
export type RunOutcome = (typeof runOutcomes)[number];

/** The metrics of a standing coordinator. */
export type StandingMetrics = ReturnType<typeof createStandingMetrics>;

let ofProcess: StandingMetrics | undefined;

/** The metrics of this process' standing coordinator; always the same ones. */
export function standingMetrics(): StandingMetrics {
  ofProcess ??= createStandingMetrics();
  return ofProcess;
}

function createStandingMetrics() {
  const registers = [processMetrics()];
  const queueRuns = new Gauge({
    name: "trainyard_queue_runs",
    help: "Runs in the queue, including the one that is being trained.",
    registers,
  });
  const runs = new Counter({
    name: "trainyard_runs_total",
    help: "Runs that ended on this coordinator, by outcome. An interrupted run goes on later.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of runOutcomes) runs.inc({ outcome }, 0);
  return { queueRuns, runs };
}
