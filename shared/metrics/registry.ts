/**
 * Registries of metrics. Each process has one for itself (memory, processor, event loop, Trainyard's version). Each run has
 * one of its own, whose series carry the run's name.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { programVersion } from "../version.js";

/** Buckets of durations in seconds: a step, its parts or a store call takes from a hundredth of a second to a minute. */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

let ofProcess: Registry | undefined;

/** The registry of this process; always the same one. */
export function processMetrics(): Registry {
  ofProcess ??= createProcessRegistry();
  return ofProcess;
}

function createProcessRegistry(): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Three of prom-client's own break Prometheus' rule that only counters end in _total.
  for (const name of [
    "nodejs_active_handles_total",
    "nodejs_active_requests_total",
    "nodejs_active_resources_total",
  ]) {
    registry.removeSingleMetric(name);
  }
  new Gauge({
    name: "trainyard_build_info",
    help: "Trainyard's version and Node's; always 1.",
    labelNames: ["version", "node"],
    registers: [registry],
  }).set({ version: programVersion(), node: process.versions.node }, 1);
  return registry;
}

/** A run's metrics. `metrics()` puts those of the process in front; `getMetricsAsArray` has the run's only. */
export class RunRegistry extends Registry {
  readonly #beginnings: (() => void)[] = [];

  /** Creates series that must exist from the start, because a counter that appears with its first event was never 0. */
  startWith(beginning: () => void): void {
    this.#beginnings.push(beginning);
    beginning();
  }

  override resetMetrics(): void {
    super.resetMetrics();
    for (const begin of this.#beginnings) begin();
  }

  override metrics(): Promise<string> {
    return metricsOfRuns([this]);
  }

  /** The run's metrics without those of the process. */
  metricsOfRun(): Promise<string> {
    return super.metrics();
  }
}

/**
 * The metrics of the process and of several runs in Prometheus' text format. All series of one metric come together, as
 * the format asks; they differ by their run.
 */
export async function metricsOfRuns(runs: readonly RunRegistry[]): Promise<string> {
  const texts = await Promise.all(runs.map((run) => run.metricsOfRun()));
  const series = new Map<string, string[]>();
  for (const metric of texts.flatMap((text) => text.trimEnd().split("\n\n"))) {
    const [help = "", type = "", ...samples] = metric.split("\n");
    const header = `${help}\n${type}`;
    series.set(header, [...(series.get(header) ?? []), ...samples]);
  }
  const merged = [...series].map(([header, samples]) => [header, ...samples].join("\n"));
  return [await processMetrics().metrics(), ...(runs.length === 0 ? [] : [`${merged.join("\n\n")}\n`])].join(
    "\n",
  );
}

/** A registry, and functions that make a metric in it in one line: name, help, labels. */
export function createRegistry() {
  const registry = new RunRegistry();
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

/** The functions that make metrics in one registry. */
export type Makers = ReturnType<typeof createRegistry>;
