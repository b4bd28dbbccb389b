/**
 * How long the engine of a real run waits for pictures: the classic net, one worker, read off the worker's own metrics
 * while it trains. What counts is the wait after the first epoch, when every picture has been decoded once.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { TestCluster } from "../../support/cluster.js";

interface Reading {
  readonly steps: number;
  /** Seconds by phase, summed since the worker's start. */
  readonly seconds: Readonly<Record<string, number>>;
}

async function read(url: string): Promise<Reading | null> {
  const answer = await fetch(url).catch(() => null);
  if (answer === null) return null;
  const text = await answer.text();
  const seconds: Record<string, number> = {};
  for (const [, phase, sum] of text.matchAll(
    /^trainyard_worker_phase_duration_seconds_sum\{phase="(\w+)"\} (\S+)$/gm,
  )) {
    seconds[phase as string] = Number(sum);
  }
  return { steps: Number(/^trainyard_worker_steps_total (\S+)$/m.exec(text)?.[1] ?? 0), seconds };
}

const perStep = (from: Reading, to: Reading, phases: readonly string[]) => {
  const sum = (reading: Reading) => phases.reduce((total, phase) => total + (reading.seconds[phase] ?? 0), 0);
  return ((1000 * (sum(to) - sum(from))) / (to.steps - from.steps)).toFixed(1);
};

/** One line. `port`: of the worker's metrics. */
export async function trainingWait(
  { store, dataset, steps }: { store: string; dataset: string; steps: number },
  epochs: number,
  port = 39_471,
): Promise<string> {
  const flags = ["--epochs", String(epochs), "--batch-size", "32"];
  const cluster = await TestCluster.start(dataset, flags, { store, cwd: process.cwd() });
  try {
    cluster.worker("worker-1", undefined, ["--metrics-port", String(port)]);
    const readings: Reading[] = [{ steps: 0, seconds: {} }];
    let isOver = false;
    void cluster.end("worker-1").then(() => {
      isOver = true;
    });
    while (!isOver) {
      const reading = await read(`http://127.0.0.1:${port}/metrics`);
      if (reading !== null && reading.steps > (readings.at(-1) as Reading).steps) readings.push(reading);
      await sleep(50);
    }
    const warm = readings.find((reading) => reading.steps >= steps) as Reading;
    const [first, last] = [readings[0] as Reading, readings.at(-1) as Reading];
    const waits = (from: Reading, to: Reading) => perStep(from, to, ["fetch", "decode"]);
    return `classic net, batch 32, one worker: waits for data ${waits(first, warm)} ms a step in the first epoch, ${waits(warm, last)} ms afterwards; the engine computes ${perStep(warm, last, ["compute"])} ms a step`;
  } finally {
    await cluster.close();
  }
}
