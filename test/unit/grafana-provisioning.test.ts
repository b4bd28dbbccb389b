/** Grafana finds its data source and its dashboards where compose.yaml puts them. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { parse } from "yaml";
import { readCompose } from "../support/compose-file.js";

const { services } = readCompose("compose.yaml");
const mounts = services["grafana"]?.volumes ?? [];
const read = (file: string): unknown => parse(readFileSync(`deploy/grafana/provisioning/${file}`, "utf8"));

it("the data source is Prometheus of the same network", () => {
  const { datasources } = read("datasources/prometheus.yaml") as {
    datasources: readonly { type: string; url: string; isDefault: boolean }[];
  };
  expect(datasources).toHaveLength(1);
  const [{ type, url, isDefault } = { type: "", url: "", isDefault: false }] = datasources;
  expect([type, url, isDefault]).toEqual(["prometheus", "http://prometheus:9090", true]);
  expect(Object.keys(services)).toContain("prometheus");
});

it("the dashboards are mounted where the provider looks, and there are some", () => {
  const { providers } = read("dashboards/trainyard.yaml") as {
    providers: readonly { options: { path: string } }[];
  };
  const paths = providers.map(({ options }) => `./deploy/grafana/dashboards:${options.path}:ro`);
  expect(paths).toHaveLength(1);
  for (const path of paths) expect(mounts).toContain(path);
  expect(mounts).toContain("./deploy/grafana/provisioning:/etc/grafana/provisioning:ro");
  expect(readdirSync("deploy/grafana/dashboards").filter((name) => name.endsWith(".json"))).not.toEqual([]);
});

it("panels ask for the data source by its uid or by what the reader chose", () => {
  const { datasources } = read("datasources/prometheus.yaml") as { datasources: readonly { uid: string }[] };
  const text = readdirSync("deploy/grafana/dashboards")
    .map((name) => readFileSync(`deploy/grafana/dashboards/${name}`, "utf8"))
    .join("\n");
  const asked = new Set(
    [...text.matchAll(/"type": "prometheus",\s*"uid": "([^"]+)"/g)].map(([, uid]) => uid),
  );
  for (const uid of asked) expect([datasources[0]?.uid, "$datasource"]).toContain(uid);
});
