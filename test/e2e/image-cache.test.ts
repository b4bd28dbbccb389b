/**
 * What a worker keeps of decoded images changes no bit: all of them in memory, or a few there and the others on disk.
 * Of the disk nothing is left, also when the worker was killed.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cacheFolder } from "../../engine/native/setup/cache-folder.mjs";
import { checksums, TestCluster } from "../support/cluster.js";
import { photographs, runProgram, scratch } from "../support/program.js";

const place = scratch();
const options = { cwd: place.folder, store: `file:${place.folder}/store` };
const flags = ["--batch-size", "64", "--epochs", "3", "--image-size", "32", "--seed", "5"];
/** Room for 40 images of 32x32 over both splits. */
const littleMemory = ["--image-cache-memory", String(40 * 32 * 32 * 3)];
const port = 39_473;

beforeAll(async () => {
  const words = ["import", photographs("faces"), "--name", "faces", "--store", options.store];
  expect((await runProgram(words, options)).code).toBe(0);
}, 300_000);
afterAll(() => place.remove());

/** The last metrics that a worker gave before it left. */
async function lastMetrics(isOver: () => boolean): Promise<string> {
  let last = "";
  while (!isOver()) {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => null);
    last = (await answer?.text().catch(() => undefined)) ?? last;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return last;
}

/** `name` with its labels, those of the worker and the run left out. */
const metric = (metrics: string, name: string) =>
  Number(
    metrics
      .replace(/,?worker="second",run="[^"]*"/g, "")
      .replaceAll("{}", "")
      .split("\n")
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  );

async function train(run: string, words: readonly string[], isKilled = false) {
  const cluster = await TestCluster.start("faces", ["--run", run, ...flags], options);
  try {
    if (isKilled) {
      cluster.worker("first", undefined, words);
      await cluster.until("step 2", ({ step }) => step >= 2);
      cluster.kill("first", "SIGKILL");
    }
    cluster.worker("second", undefined, ["--metrics-port", String(port), ...words]);
    let isOver = false;
    void cluster.end("second").then(() => {
      isOver = true;
    });
    const metrics = await lastMetrics(() => isOver);
    const { code, stderr } = await cluster.coordinatorEnd;
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return { sums: checksums(await cluster.curve()), metrics };
  } finally {
    await cluster.close();
  }
}

it("a run has the same bits with images from memory, from disk, and decoded again; a killed worker leaves no file", async () => {
  const memory = await train("memory", []);
  const disk = await train("disk", littleMemory, true);
  const none = await train("none", ["--image-cache-memory", "0", "--image-cache-disk", "0"]);
  expect(disk.sums).toEqual(memory.sums);
  expect(none.sums).toEqual(memory.sums);
  expect(metric(memory.metrics, 'trainyard_worker_cache_hits_total{tier="disk"}')).toBe(0);
  expect(metric(memory.metrics, 'trainyard_worker_cache_hits_total{tier="memory"}')).toBeGreaterThan(196);
  expect(metric(disk.metrics, 'trainyard_worker_cache_hits_total{tier="disk"}')).toBeGreaterThan(50);
  expect(metric(disk.metrics, 'trainyard_worker_cache_bytes{tier="memory"}')).toBeLessThanOrEqual(40 * 3_072);
  expect(metric(none.metrics, 'trainyard_worker_cache_bytes{tier="memory"}')).toBe(0);
  expect(metric(none.metrics, "trainyard_worker_cache_misses_total")).toBeGreaterThan(2 * 196);
  const folder = join(cacheFolder(), "pictures");
  expect(existsSync(folder) ? readdirSync(folder) : []).toEqual([]);
}, 400_000);
