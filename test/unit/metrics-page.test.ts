/** docs/metrics.md says of every metric what the program says. `npm run build:pages` writes it anew. */
import { describe, expect, it } from "vitest";
import { everyMetric, type MetricDescription, metricsPage } from "../support/metrics-page.js";

it("docs/metrics.md lists every metric as it is", async () => {
  await expect(await metricsPage()).toMatchFileSnapshot("../../docs/metrics.md");
});

/** Chosen by peers or by the data set, and bounded by worker-series.ts or the spec. */
const openLabels = ["worker", "run", "class"];
const fixedLabels = ["phase", "split", "part", "state", "reason", "result", "operation", "tier", "outcome"];
const infoLabels = ["version", "node", "dataset", "model"];

describe("by Prometheus' rules", async () => {
  const { process, coordinator, worker } = await everyMetric();
  const own = [...process, ...coordinator, ...worker].filter(({ name }) => name.startsWith("trainyard_"));
  const each = (check: (metric: MetricDescription) => boolean) =>
    own.filter((metric) => !check(metric)).map(({ name }) => name);

  it("names are lower case, and counters and only they end in _total", () => {
    expect(each(({ name }) => /^trainyard_[a-z][a-z0-9_]*$/.test(name))).toEqual([]);
    expect(each(({ name, type }) => name.endsWith("_total") === (type === "counter"))).toEqual([]);
  });

  it("units are base units", () => {
    expect(each(({ name }) => !/_(ms|milliseconds|minutes|kb|mb|mib|percent)(_|$)/.test(name))).toEqual([]);
    expect(each(({ name, type }) => type !== "histogram" || name.endsWith("_seconds"))).toEqual([]);
  });

  it("every help is a sentence, and no label is an unknown one", () => {
    expect(each(({ help }) => /^\S.{10,}\.$/.test(help))).toEqual([]);
    const known = [...openLabels, ...fixedLabels, ...infoLabels];
    expect(each(({ labels }) => labels.every((label) => known.includes(label)))).toEqual([]);
  });

  it("no name stands for two things in one process", () => {
    for (const one of [coordinator, worker]) {
      const names = [...process, ...one].map(({ name }) => name);
      expect(names).toHaveLength(new Set(names).size);
    }
  });
});
