/**
 * How long the engine of a real run waits for images: the classic net, one worker, read off the worker's own metrics
 * while it trains. What counts is the wait after the first epoch, when every image has been decoded once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { TestCluster } from "../../support/cluster.js";
import { freePort } from "../frame/free-port.js";
import { Metrics, scrape } from "../frame/scrape.js";

const stepsOf = (metrics: Metrics) => metrics.get("trainyard_worker_steps_total");

/** Milliseconds. */
const perStep = (from: Metrics, to: Metrics, phases: readonly string[]) => {
  const sum = (metrics: Metrics) =>
    phases
      .map((phase) => metrics.get(`trainyard_worker_phase_duration_seconds_sum{phase="${phase}"}`))
      .reduce((total, seconds) => total + seconds, 0);
  return ((1000 * (sum(to) - sum(from))) / (stepsOf(to) - stepsOf(from))).toFixed(1);
};

/** One line. `steps`: of an epoch. Errors: the run ended within its first epoch. */
export async function trainingWait(
  { store, dataset, steps }: { store: string; dataset: string; steps: number },
  epochs: number,
): Promise<string> {
  const flags = ["--epochs", String(epochs), "--batch-size", "32"];
  const cluster = await TestCluster.start(dataset, flags, { store, cwd: process.cwd() });
  try {
    const port = await freePort();
    cluster.worker("worker-1", undefined, ["--metrics-port", String(port)]);
    const readings = await readingsUntil(cluster.end("worker-1"), `127.0.0.1:${port}`);
    const warm = readings.find((reading) => stepsOf(reading) >= steps);
    if (warm === undefined) throw new Error(await complaints(cluster));
    const [first, last] = [readings[0] as Metrics, readings.at(-1) as Metrics];
    const waits = (from: Metrics, to: Metrics) => perStep(from, to, ["fetch", "decode"]);
    return `classic net, batch 32, one worker: waits for data ${waits(first, warm)} ms a step in the first epoch, ${waits(warm, last)} ms afterwards; the engine computes ${perStep(warm, last, ["compute"])} ms a step`;
  } finally {
    await cluster.close();
  }
}

/** A reading for each new count of steps; the first is of none. */
async function readingsUntil(end: Promise<unknown>, address: string): Promise<Metrics[]> {
  const readings = [new Metrics("")];
  let isOver = false;
  void end.then(() => {
    isOver = true;
  });
  while (!isOver) {
    // Nothing answers before the worker listens, and none when it has ended.
    const reading = await scrape(address).catch(() => null);
    if (reading !== null && stepsOf(reading) > stepsOf(readings.at(-1) as Metrics)) readings.push(reading);
    await sleep(50);
  }
  return readings;
}

/** What both said; a coordinator that has no worker would wait for one, so it is ended. */
async function complaints(cluster: TestCluster): Promise<string> {
  await cluster.close();
  const ends = await Promise.all([cluster.coordinatorEnd, cluster.end("worker-1")]);
  return ends.map(({ stderr }) => stderr).join("");
}
