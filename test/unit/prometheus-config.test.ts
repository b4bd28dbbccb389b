/** What Prometheus of compose.yaml is given is a configuration, as its own tool sees it. */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { parse } from "yaml";
import { readCompose } from "../support/compose-file.js";
import { scratch } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);

const secretsFolder = "/run/secrets/trainyard";

interface ScrapeConfig {
  readonly job_name: string;
  readonly scheme?: string;
  readonly authorization?: unknown;
  readonly static_configs?: readonly { readonly targets: readonly string[] }[];
}

it("promtool accepts it, with the rules and secrets that it names", () => {
  cpSync("deploy/prometheus", folder, { recursive: true });
  for (const name of ["token", "ca.crt"]) writeFileSync(join(folder, name), "");
  const file = join(folder, "prometheus.yml");
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(secretsFolder, folder));
  const said = execFileSync("promtool", ["check", "config", file], { encoding: "utf8" });
  expect(said).toMatch(/SUCCESS: .*prometheus\.yml is valid prometheus config file/);
});

it("Trainyard's processes are asked over TLS, with a token", () => {
  const { scrape_configs } = parse(readFileSync("deploy/prometheus/prometheus.yml", "utf8"), {
    merge: true,
  }) as {
    scrape_configs: readonly ScrapeConfig[];
  };
  const ours = scrape_configs.filter(({ job_name }) => job_name.startsWith("trainyard-"));
  expect(ours.map(({ job_name }) => job_name)).toEqual(["trainyard-coordinator", "trainyard-worker"]);
  for (const { scheme, authorization } of ours) {
    expect(scheme).toBe("https");
    expect(authorization).toEqual({ type: "Bearer", credentials_file: `${secretsFolder}/token` });
  }
});

it("compose mounts its folder and its secrets where it looks for them", () => {
  const { volumes = [] } = readCompose("compose.yaml").services["prometheus"] ?? {};
  expect(volumes).toContain(`secrets-prometheus:${secretsFolder}:ro`);
  expect(volumes).toContain("./deploy/prometheus:/etc/prometheus:ro");
});
