/** Grafana's dashboards: the files are what the code makes, and what they ask for is what the program measures. */
import { readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dashboards, dashboardText } from "../../deploy/grafana/dashboards.js";
import { everyMetric, metricNames } from "../support/metrics-page.js";
import { panelsOf, queriesOf } from "../support/panels.js";

const made = Object.entries(dashboards).map(([file, make]) => ({ file, dashboard: make() }));

it("no other dashboard lies there", () => {
  expect(readdirSync("deploy/grafana/dashboards").sort()).toEqual(Object.keys(dashboards).sort());
});

it("addresses and titles are different ones", () => {
  for (const of of ["uid", "title"] as const)
    expect(new Set(made.map(({ dashboard }) => dashboard[of])).size).toBe(made.length);
});

describe.each(made)("$file", ({ file, dashboard }) => {
  const panels = panelsOf(dashboard);

  it("is what the code makes; npm run build:pages writes it anew", async () => {
    await expect(dashboardText(dashboard)).toMatchFileSnapshot(`../../deploy/grafana/dashboards/${file}`);
  });

  it("has panels with a title, a sentence, a unit and a query each", () => {
    expect(panels.length).toBeGreaterThan(8);
    for (const panel of panels) {
      expect(panel.title).not.toBe("");
      expect(panel.description, panel.title).toMatch(/^\S.*\.$/);
      expect(panel.fieldConfig?.defaults?.unit, panel.title).toBeDefined();
      expect(queriesOf(panel).length, panel.title).toBeGreaterThan(0);
    }
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });

  it("asks for metrics that there are, by labels that they have", async () => {
    const known = await metricNames();
    const { process, coordinator, worker } = await everyMetric();
    const labels = new Map<string, Set<string>>();
    for (const metric of [...process, ...coordinator, ...worker])
      labels.set(metric.name, new Set([...(labels.get(metric.name) ?? []), ...metric.labels]));
    for (const { expr } of panels.flatMap((panel) => queriesOf(panel))) {
      for (const [, name = "", matchers = ""] of expr.matchAll(
        /\b((?:trainyard|process|nodejs)_\w+)\{([^}]*)\}/g,
      )) {
        const base = known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
        expect(known, expr).toContain(base);
        for (const [, label = ""] of matchers.matchAll(/(\w+)[!=]?[=~]/g))
          expect(["job", "instance", ...(labels.get(base) ?? [])], expr).toContain(label);
      }
      expect(expr).toMatch(/\{(run="\$run"|job=~"trainyard-\.\*")/);
    }
  });

  it("lets data source and run be chosen, and marks alerts", () => {
    const names = dashboard.templating?.list?.map(({ name }) => name) ?? [];
    expect(names.slice(0, 2)).toEqual(["datasource", "run"]);
    expect(JSON.stringify(dashboard.annotations)).toContain("ALERTS{");
  });
});
