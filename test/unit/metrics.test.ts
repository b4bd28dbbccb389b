import { execFileSync } from "node:child_process";
import { Gauge } from "prom-client";
import { afterEach, describe, expect, it } from "vitest";
import { type HttpRoute, json, type MetricsServer, startMetricsServer } from "../../shared/http.js";
import { coordinatorMetrics, processMetrics, standingMetrics, workerMetrics } from "../../shared/metrics.js";
import { programVersion } from "../../shared/version.js";

/** Prometheus' own checker: refuses what a scrape would refuse and what breaks the naming rules. */
function promtoolCheck(exposition: string): string {
  return execFileSync("promtool", ["check", "metrics"], { input: exposition, encoding: "utf8" });
}

/** Class names of case DI6, and what breaks a careless exposition. */
const oddNames = [
  "Südtirol",
  "猫 猫",
  "50% off",
  "c++",
  "q?#&",
  `O'Neil "14`,
  "back\\slash",
  "two\nlines",
  "🚂",
];

let server: MetricsServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

async function scrape(metrics: { registry: MetricsServerRegistry }, extraRoutes: HttpRoute[] = []) {
  server = await startMetricsServer({ registry: metrics.registry, port: 0, extraRoutes });
  return (await fetch(`http://${server.address}/metrics`)).text();
}
type MetricsServerRegistry = ReturnType<typeof coordinatorMetrics>["registry"];

it("a process has one set of a standing coordinator's metrics, however often it is asked for", async () => {
  standingMetrics().queueRuns.set(2);
  expect(standingMetrics()).toBe(standingMetrics());
  expect((await processMetrics().metrics()).match(/^trainyard_queue_runs 2$/gm)).toHaveLength(1);
  standingMetrics().queueRuns.set(0);
});

describe("the coordinator's metrics", () => {
  it("pass promtool with odd class names and numbers that are not finite", async () => {
    const metrics = coordinatorMetrics();
    metrics.describe('a "b"', "faces", "classic");
    metrics.setPhase("training");
    for (const name of oddNames) metrics.validationRecall.set({ class: name }, 0.5);
    metrics.loss.set({ split: "train" }, Number.NaN);
    metrics.loss.set({ split: "validation" }, Number.POSITIVE_INFINITY);
    metrics.gradientNorm.set(Number.NEGATIVE_INFINITY);
    metrics.samplesCommitted.inc(128);
    metrics.stepDuration.observe(0.12);
    const exposition = await scrape(metrics);
    expect(promtoolCheck(exposition)).toBe("");
    // prom-client writes Nan; Prometheus reads it in any case.
    expect(exposition).toMatch(/trainyard_loss\{split="train",run="a \\"b\\""\} nan/i);
    expect(exposition).toContain('{class="two\\nlines",run="a \\"b\\""} 0.5');
    expect(exposition).toContain(`{class="O'Neil \\"14",run=`);
  });

  it("say one phase at a time", async () => {
    const metrics = coordinatorMetrics();
    metrics.setPhase("training");
    metrics.setPhase("evaluating");
    const exposition = await scrape(metrics);
    expect(exposition).toContain('trainyard_phase{phase="evaluating"} 1');
    expect(exposition).toContain('trainyard_phase{phase="training"} 0');
  });
});

describe("the worker's metrics", () => {
  it("pass promtool", async () => {
    const metrics = workerMetrics();
    metrics.describe('w"1\\\n', "0123");
    metrics.observePhase("compute", 0.2);
    metrics.engineTensors.set(41);
    expect(promtoolCheck(await scrape(metrics))).toBe("");
  });

  it("begin anew with another run, under its name", async () => {
    const metrics = workerMetrics();
    metrics.describe("w");
    metrics.reconnects.inc();
    metrics.describe("w", "first");
    metrics.samples.inc(7);
    metrics.storeErrors.inc({ operation: "get" });
    metrics.describe("w", "first");
    expect(await metrics.registry.metrics()).toContain(
      'trainyard_worker_samples_total{worker="w",run="first"} 7',
    );
    metrics.describe("w", "second");
    const exposition = await metrics.registry.metrics();
    expect(exposition).toContain('trainyard_worker_samples_total{worker="w",run="second"} 0');
    expect(exposition).toContain('trainyard_store_errors_total{operation="get",worker="w",run="second"} 0');
    expect(exposition).not.toContain("first");
  });

  it("are two registries in one process, each with its own counts", async () => {
    const [first, second] = [workerMetrics(), workerMetrics()];
    first.steps.inc(3);
    expect(await first.registry.metrics()).toContain("trainyard_worker_steps_total 3");
    expect(await second.registry.metrics()).toContain("trainyard_worker_steps_total 0");
  });
});

it("what a process is, is told once, and without the name of a run", async () => {
  const first = coordinatorMetrics();
  first.describe("r", "faces", "classic");
  const exposition = await first.registry.metrics();
  const lines = exposition.split("\n");
  expect(lines.filter((line) => line.startsWith("process_cpu_seconds_total "))).toHaveLength(1);
  expect(lines.filter((line) => line.startsWith("trainyard_build_info{"))).toEqual([
    `trainyard_build_info{version="${programVersion()}",node="${process.versions.node}"} 1`,
  ]);
  expect(await processMetrics().metrics()).not.toContain("run=");
});

it("promtool refuses a metric that breaks the rules, so the checks above can fail", async () => {
  const metrics = workerMetrics();
  new Gauge({ name: "trainyard_wrong_total", help: "x", registers: [metrics.registry] });
  const exposition = await metrics.registry.metrics();
  expect(() => promtoolCheck(exposition)).toThrow();
});

describe("the HTTP server", () => {
  const stop: HttpRoute = { method: "POST", path: "/stop", reply: () => json({ stopping: true }) };

  it("takes a POST only with the header that no foreign page can send", async () => {
    await scrape(workerMetrics(), [stop]);
    const url = `http://${server?.address}/stop`;
    expect((await fetch(url, { method: "POST" })).status).toBe(403);
    expect((await fetch(url, { method: "POST", headers: { "x-trainyard": "other" } })).status).toBe(403);
    expect((await fetch(url)).status).toBe(405);
    const allowed = await fetch(url, { method: "POST", headers: { "x-trainyard": "stop" } });
    expect(await allowed.json()).toEqual({ stopping: true });
  });

  it("answers /healthz, and 404 elsewhere", async () => {
    await scrape(workerMetrics());
    expect((await fetch(`http://${server?.address}/healthz`)).status).toBe(200);
    expect((await fetch(`http://${server?.address}/nothing`)).status).toBe(404);
  });

  it("gives a failing route a 500 without its insides and tells its owner", async () => {
    const told: unknown[] = [];
    const failing: HttpRoute = {
      method: "GET",
      path: "/status",
      reply: () => Promise.reject(new Error("secret")),
    };
    server = await startMetricsServer({
      registry: workerMetrics().registry,
      port: 0,
      extraRoutes: [failing],
      onError: (error) => told.push(error),
    });
    const response = await fetch(`http://${server.address}/status`);
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(told).toHaveLength(1);
  });

  it("refuses a port that is taken in one sentence", async () => {
    await scrape(workerMetrics());
    const port = Number(server?.address.split(":").at(-1));
    await expect(startMetricsServer({ registry: workerMetrics().registry, port })).rejects.toThrow(
      `can't listen on 127.0.0.1:${port}: another process listens there. End it, or choose another port`,
    );
  });
});
