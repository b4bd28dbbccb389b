/** docs/metrics.md, made from the registries: what is measured, by whom, in which unit, with which labels. */
import type { Registry } from "prom-client";
import { coordinatorMetrics, processMetrics, standingMetrics, workerMetrics } from "../../shared/metrics.js";

export interface MetricDescription {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** prom-client's metrics have these at run time. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

export async function describeMetrics(
  registry: Registry,
  shared: readonly string[] = [],
): Promise<MetricDescription[]> {
  const values = await registry.getMetricsAsJSON();
  return registry.getMetricsAsArray().map((metric, index) => {
    const { name, help, labelNames = [] } = metric as unknown as Described;
    const type = String(values[index]?.type ?? "");
    return { name, type, labels: [...labelNames, ...shared], help };
  });
}

export interface MetricsOf {
  readonly process: readonly MetricDescription[];
  readonly coordinator: readonly MetricDescription[];
  readonly worker: readonly MetricDescription[];
}

let all: Promise<MetricsOf> | undefined;

/** Every metric that Trainyard has. */
export function everyMetric(): Promise<MetricsOf> {
  all ??= describeAll();
  return all;
}

async function describeAll(): Promise<MetricsOf> {
  standingMetrics(); // among the process' own
  return {
    process: await describeMetrics(processMetrics()),
    coordinator: await describeMetrics(coordinatorMetrics().registry, ["run"]),
    worker: await describeMetrics(workerMetrics().registry, ["worker", "run"]),
  };
}

export async function metricNames(): Promise<ReadonlySet<string>> {
  const { process, coordinator, worker } = await everyMetric();
  return new Set([...process, ...coordinator, ...worker].map(({ name }) => name));
}

/** By the suffix that Prometheus' rules ask for. */
function unitOf({ name, type }: MetricDescription): string {
  const base = name.replace(/_total$/, "");
  if (base.endsWith("_timestamp_seconds") || base.endsWith("_time_seconds")) return "seconds since 1970";
  if (base.endsWith("_per_second")) return "a second";
  if (base.endsWith("_seconds")) return "seconds";
  if (base.endsWith("_bytes")) return "bytes";
  if (base.endsWith("_ratio")) return "0 to 1";
  if (base.endsWith("_info")) return "always 1";
  return type === "counter" ? "count" : "number";
}

const row = (metric: MetricDescription) => {
  const labels = metric.labels.map((label) => `\`${label}\``).join(", ");
  return `| \`${metric.name}\` | ${metric.type} | ${labels} | ${unitOf(metric)} | ${metric.help} |`;
};

function table(metrics: readonly MetricDescription[]): string {
  return [
    "| name | type | labels | unit | what it says |",
    "|---|---|---|---|---|",
    ...metrics.map(row),
  ].join("\n");
}

export async function metricsPage(): Promise<string> {
  const { process, coordinator, worker } = await everyMetric();
  const own = process.filter(({ name }) => name.startsWith("trainyard_"));
  const node = process.filter(({ name }) => !name.startsWith("trainyard_"));
  return `# Metrics

Made from the program by \`npm run build:pages\`; a test compares.

Coordinator and workers show them at \`/metrics\` in Prometheus' text format. A coordinator's series carry the run's name, a
worker's its own id and its run's name, whichever way Prometheus finds them. \`/workers/sd\` of the coordinator lists the present
workers for Prometheus' HTTP service discovery, under the name that \`trainyard worker --metrics-advertise\` gives. Prometheus
shows the token of its configuration to whatever address a worker names, so give the workers' job a viewer's token of its own.

Labels are bounded. Those with a worker's id: at most 1,000 workers at a time, whose series go when they leave; ids longer than 64
characters are cut and end in a checksum; of those that were lost, the last 20. Every other label has values from a fixed list, or
from the run's spec (classes).

Gauges and counters of a run begin anew with each coordinator and each run, as Prometheus expects of what is started again.

## The coordinator, of its run

${table(coordinator)}

## A worker

${table(worker)}

## Every process

The queue's are a standing coordinator's.

${table(own)}

## Node's own

${table(node)}
`;
}
