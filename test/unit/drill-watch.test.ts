/** Commits that were really seen: a real HTTP server plays the coordinator. */
import { Registry } from "prom-client";
import { afterEach, expect, it } from "vitest";
import { RunWatch } from "../../drill/watch.js";
import { json, type MetricsServer, startMetricsServer } from "../../shared/http.js";
import type { RunStatus } from "../../shared/status.js";

let server: MetricsServer | undefined;
let watch: RunWatch | undefined;
const controller = new AbortController();
afterEach(async () => {
  watch?.close();
  await server?.close();
});

let status: RunStatus = {
  ...{ run: "r", generation: 1, phase: "training", epoch: 0, epochs: 2, stepInEpoch: 0, stepsPerEpoch: 9 },
  ...{ step: 5, steps: 18, loss: null, accuracy: null, imagesPerSecond: null, etaSeconds: null, workers: [] },
};

async function watching(failed: Promise<never> = new Promise(() => undefined)): Promise<RunWatch> {
  const extraRoutes = [{ method: "GET", path: "/status", reply: () => json(status) } as const];
  server = await startMetricsServer({ registry: new Registry(), port: 0, extraRoutes });
  watch = new RunWatch({ run: "r", http: server.address, signal: controller.signal, failed });
  return watch;
}

it("counts a commit, but not where a later coordinator goes on from", async () => {
  const seen = await watching();
  const tell = async (step: number, generation: number) => {
    status = { ...status, step, generation };
    await seen.until("it", 5_000, () => (seen.sightings.at(-1)?.step === step ? true : null));
  };
  await tell(5, 1);
  const sinceMs = performance.now();
  await tell(6, 1);
  await tell(4, 2);
  await tell(5, 2);
  expect(seen.sightings.map(({ step, generation }) => [generation, step])).toEqual([
    [1, 5],
    [1, 6],
    [2, 4],
    [2, 5],
  ]);
  expect(seen.commitsSince(sinceMs).map(({ step, generation }) => [generation, step])).toEqual([
    [1, 6],
    [2, 5],
  ]);
});

it("waits no longer than it was told, and names what for", async () => {
  const seen = await watching();
  await expect(seen.until("a miracle", 100, () => null)).rejects.toThrow(/in vain.* for a miracle/);
});

it("ends with the cluster's error when that can't go on", async () => {
  const seen = await watching(Promise.reject(new Error("no worker is left")));
  await expect(seen.until("a commit", 5_000, () => null)).rejects.toThrow("no worker is left");
});
