/**
 * A real training under a real Prometheus: it finds the workers by the coordinator's word, every panel of Grafana's
 * dashboards gets an answer, no alert is there while all is well, and a killed worker is named.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dashboards } from "../../deploy/grafana/dashboards.js";
import { TestCluster } from "../support/cluster.js";
import { flat, writeTree } from "../support/images.js";
import { type PanelQuery, panelsOf, queriesOf, substituted } from "../support/panels.js";
import { promtool } from "../support/parts.js";
import { scratch, succeed } from "../support/program.js";
import { TestPrometheus } from "../support/prometheus.js";

const { folder, remove } = scratch();
const options = { cwd: folder, store: `file:${join(folder, "store")}` };
const run = "curves-1";
const workers = { kept: 'w "1" \\ 猫', killed: "second" };
/** Of case DI6, and what breaks a careless exposition. */
const classes = ["50% off", `O'Neil "14`, "back\\slash", "q?#&", "two\nlines", "猫 猫"];
const flags = ["--run", run, "--model", "digits", "--image-size", "16", "--batch-size", "32", "--lanes", "4"];
const long = ["--epochs", "5000", "--schedule", "constant"];
/** For queries to get something from a cluster that has just begun. */
const patienceMs = 180_000;
/** Without anybody lost there is nobody to list. */
const emptyInHealth = ["Lost and not back"];

const panels = Object.entries(dashboards).flatMap(([file, make]) =>
  panelsOf(make()).map((panel) => ({ file, title: panel.title ?? "", queries: queriesOf(panel) })),
);

let cluster: TestCluster;
let prometheus: TestPrometheus;

beforeAll(async () => {
  const files: Record<string, Buffer> = {};
  for (const [label, name] of classes.entries())
    for (let image = 0; image < 16; image += 1)
      files[`odd/${name}/${image}.png`] = await flat({ r: label * 40, g: image * 15, b: 9 })
        .png()
        .toBuffer();
  await writeTree(folder, files);
  await succeed(["import", "odd", "--store", options.store], options);
  cluster = await TestCluster.start("odd", [...flags, ...long], options);
  for (const id of Object.values(workers)) cluster.worker(id);
  const rules = ["deploy/prometheus/alerts.yml"];
  prometheus = await TestPrometheus.start({ coordinator: cluster.ready.http, rules });
}, 300_000);

afterAll(async () => {
  await prometheus?.stop();
  await cluster?.close();
  remove();
});

/** With what Grafana puts in for a run and all its workers. */
function ask({ expr, instant = false }: PanelQuery) {
  const query = substituted(expr, { run, worker: ".+", __rate_interval: "10s" });
  return instant ? prometheus.now(query) : prometheus.over(query, 60);
}

const isAnswered = async (query: PanelQuery) =>
  (await ask(query)).some(({ values }) => values.some((value) => Number.isFinite(value)));

async function until(what: string, isThere: () => Promise<boolean>): Promise<void> {
  for (const startedMs = Date.now(); !(await isThere()); await sleep(250))
    if (Date.now() - startedMs > patienceMs) throw new Error(`waited in vain for ${what}`);
}

async function unanswered(titles: (title: string) => boolean): Promise<string[]> {
  const missing: string[] = [];
  for (const { file, title, queries } of panels.filter((panel) => titles(panel.title)))
    for (const query of queries)
      if (!(await isAnswered(query))) missing.push(`${file}: ${title}: ${query.expr}`);
  return missing;
}

const scrape = async (address: string) => await (await fetch(`http://${address}/metrics`)).text();

describe("while all is well", () => {
  it("Prometheus finds the coordinator and, by its word, each worker", async () => {
    await until("three targets that are up", async () => {
      const targets = await prometheus.targets();
      return targets.length === 3 && targets.every(({ health }) => health === "up");
    });
    const found = await prometheus.now("trainyard_worker_info");
    expect(found.map(({ labels }) => labels["worker"]).sort()).toEqual(Object.values(workers).sort());
    expect(found.map(({ labels }) => labels["job"])).toEqual(["trainyard-worker", "trainyard-worker"]);
  });

  it("every panel's queries return something", async () => {
    let missing: string[] = [];
    const look = async () => {
      missing = await unanswered((title) => !emptyInHealth.includes(title));
      return missing.length === 0;
    };
    await until("every panel", look).catch(() => undefined);
    expect(missing).toEqual([]);
  });

  it("promtool takes what coordinator and workers show", async () => {
    for (const { address } of await prometheus.targets()) {
      const exposition = await scrape(address);
      expect(exposition).toContain(`run="${run}"`);
      expect(execFileSync(promtool(), ["check", "metrics"], { input: exposition, encoding: "utf8" })).toBe(
        "",
      );
    }
  });

  it("names of classes and workers arrive as they are", async () => {
    const recall = await prometheus.now("trainyard_validation_recall_ratio");
    expect(recall.map(({ labels }) => labels["class"]).sort()).toEqual([...classes].sort());
    const ready = await prometheus.now("trainyard_worker_ready == 1");
    expect(ready.map(({ labels }) => labels["worker"]).sort()).toEqual(Object.values(workers).sort());
  });

  it("efficiency is a share of what both engines do together", async () => {
    const [now = { values: [] }] = await prometheus.now("trainyard_efficiency_ratio");
    expect(now.values[0]).toBeGreaterThan(0);
    expect(now.values[0]).toBeLessThanOrEqual(1);
    const [share = { values: [] }] = await prometheus.now(
      "trainyard_images_per_second / on (run) sum by (run) (trainyard_worker_images_per_second)",
    );
    expect(share.values[0]).toBeGreaterThan(0);
  });

  it("no alert is there, and every rule is evaluated", async () => {
    await until("the rules", async () => (await prometheus.rules()).every(({ health }) => health === "ok"));
    expect((await prometheus.rules()).length).toBeGreaterThanOrEqual(7);
    expect(await prometheus.alerts()).toEqual([]);
  });
});

describe("a worker that is killed", () => {
  it("is named, has no series of its own any more, and is no target", async () => {
    cluster.kill(workers.killed, "SIGKILL");
    const lost = 'trainyard_worker_lost_timestamp_seconds{reason="disconnected"}';
    await until("who was lost", async () => (await prometheus.now(lost)).length === 1);
    expect((await prometheus.now(lost))[0]?.labels["worker"]).toBe(workers.killed);
    await until("one target less", async () => (await prometheus.targets()).length === 2);
    const exposition = await scrape(cluster.ready.http);
    const mentions = exposition.split("\n").filter((line) => line.includes(`worker="${workers.killed}"`));
    expect(mentions).toHaveLength(1);
    expect(exposition).toContain(`worker="w \\"1\\" \\\\ 猫"`);
  });

  it("is an alert in the making, and fills the panels that are empty in health", async () => {
    await until("the alert", async () => (await prometheus.alerts()).length > 0);
    const [alert] = await prometheus.alerts();
    const expected = {
      alertname: "TrainyardWorkerLost",
      run,
      worker: workers.killed,
      reason: "disconnected",
    };
    expect(alert?.labels).toMatchObject(expected);
    expect(await prometheus.alerts()).toHaveLength(1);
    expect(await unanswered((title) => emptyInHealth.includes(title))).toEqual([]);
  });
});
