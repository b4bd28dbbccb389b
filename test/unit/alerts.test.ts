/** The alert rules: Prometheus takes them, each fires and keeps quiet as alerts.test.yml says, and each has its paragraph. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dashboards } from "../../deploy/grafana/dashboards.js";
import { metricNames } from "../support/metrics-page.js";
import { panelsOf } from "../support/panels.js";
import { promtool } from "../support/parts.js";

const rules = readFileSync("deploy/prometheus/alerts.yml", "utf8");
const tests = readFileSync("deploy/prometheus/alerts.test.yml", "utf8");
const runbook = readFileSync("deploy/README.md", "utf8");
const alerts = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map((match) => match[1] ?? "");
const check = (...words: string[]) => execFileSync(promtool(), words, { encoding: "utf8" });

it("promtool takes the rules", () => {
  expect(check("check", "rules", "deploy/prometheus/alerts.yml")).toContain(
    `SUCCESS: ${alerts.length} rules found`,
  );
});

it("every case of alerts.test.yml is as it says", () => {
  expect(check("test", "rules", "deploy/prometheus/alerts.test.yml")).toContain("SUCCESS");
});

it("rules and their tests speak of metrics that there are", async () => {
  const known = await metricNames();
  const named = [...`${rules}${tests}`.matchAll(/\btrainyard_\w+/g)].map(([name]) =>
    name.replace(/_(sum|count)$/, ""),
  );
  expect([...new Set(named)].filter((name) => !known.has(name))).toEqual([]);
});

it("the runbook sends nobody to a panel that is not there", () => {
  const paragraphs = runbook.slice(runbook.indexOf("## Alerts"));
  const titles = Object.values(dashboards).flatMap((make) => panelsOf(make()).map(({ title }) => title));
  const named = [...paragraphs.matchAll(/"([A-Z][^"]+)"/g)].map(([, title = ""]) =>
    title.replace(/\s/g, " "),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(
    named.map((title) => title.replace("WORKER", "$worker")).filter((title) => !titles.includes(title)),
  ).toEqual([]);
});

describe.each(alerts)("%s", (alert) => {
  it("is tested firing, and quiet where nothing is wrong", () => {
    const cases = tests.split(new RegExp(`alertname: ${alert}\\b`)).slice(1);
    expect(cases.filter((rest) => /^\s*\n\s+exp_alerts:/.test(rest)).length).toBeGreaterThan(0);
    expect(cases.filter((rest) => /^ \}/.test(rest)).length).toBeGreaterThanOrEqual(3);
  });

  it("has a paragraph in deploy/README.md, which its annotation names", () => {
    expect(runbook).toMatch(new RegExp(`^### ${alert}$`, "m"));
    expect(rules).toContain(`runbook: "deploy/README.md#${alert.toLowerCase()}"`);
  });
});
