/** One run of a coordinator and one worker, each a process of its own: how long its steps took, and where that went. */
import { TestCluster } from "../../support/cluster.js";
import type { RunOptions } from "../../support/program.js";
import { freePort } from "../frame/free-port.js";
import { type Metrics, scrape } from "../frame/scrape.js";

export interface ClusterSteps {
  /** Of every full step after the first epoch, from its assignment to its commit. */
  readonly stepMs: readonly number[];
  /** Mean milliseconds per step by phase, over those steps and what lies between them. */
  readonly phases: ReadonlyMap<string, number>;
  /** Of all threads, per step. */
  readonly workerCpuMs: number;
  readonly coordinatorCpuMs: number;
}

export interface ClusterTask {
  readonly run: string;
  readonly batchSize: number;
  readonly lanes: number;
  readonly threads: number;
  readonly epochs: number;
  readonly flags: readonly string[];
}

const phases = ["wait", "download", "fetch", "decode", "compute", "upload"] as const;

export async function runCluster(
  task: ClusterTask,
  options: RunOptions & { store: string },
): Promise<ClusterSteps> {
  const cluster = await TestCluster.start("signs", flagsOf(task), options);
  try {
    const port = await freePort();
    cluster.worker("worker-1", undefined, ["--metrics-port", String(port)]);
    const both = async () => ({
      worker: await scrape(`127.0.0.1:${port}`),
      coordinator: await scrape(cluster.ready.http),
    });
    await cluster.until("the second epoch", ({ epoch }) => epoch >= 1, 180_000, 50);
    const before = await both();
    await cluster.until("the last epoch's end", isLastStep, 180_000, 50);
    const after = await both();
    const { code, stderr } = await cluster.coordinatorEnd;
    if (code !== 0) throw new Error(stderr);
    const curve = await cluster.curve();
    const full = curve.steps.filter(({ epoch, samples }) => epoch > 0 && samples === task.batchSize);
    return { stepMs: full.map(({ seconds }) => seconds * 1000), ...between(before, after) };
  } finally {
    await cluster.close();
  }
}

/** The last steps but one: then both are still there to be asked. */
const isLastStep = ({ step, steps }: { step: number; steps: number }) => step >= steps - 2;

function flagsOf({ run, batchSize, lanes, threads, epochs, flags }: ClusterTask): string[] {
  const sizes = { "batch-size": batchSize, lanes, threads, epochs, seed: 1 };
  const words = Object.entries(sizes).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return ["--run", run, ...words, "--no-horizontal-flip", ...flags];
}

interface Sides {
  readonly worker: Metrics;
  readonly coordinator: Metrics;
}

function between(before: Sides, after: Sides): Omit<ClusterSteps, "stepMs"> {
  const worker = (name: string) => after.worker.get(name) - before.worker.get(name);
  const coordinator = (name: string) => after.coordinator.get(name) - before.coordinator.get(name);
  const steps = worker("trainyard_worker_steps_total");
  const perStep = (seconds: number) => (1000 * seconds) / steps;
  const parts = ["gather", "commit"].map((part): [string, number] => [
    `coordinator: ${part}`,
    perStep(coordinator(`trainyard_step_part_duration_seconds_sum{part="${part}"}`)),
  ]);
  return {
    phases: new Map([
      ...phases.map((phase): [string, number] => [
        `worker: ${phase}`,
        perStep(worker(`trainyard_worker_phase_duration_seconds_sum{phase="${phase}"}`)),
      ]),
      ...parts,
    ]),
    workerCpuMs: perStep(worker("process_cpu_seconds_total")),
    coordinatorCpuMs: perStep(coordinator("process_cpu_seconds_total")),
  };
}
