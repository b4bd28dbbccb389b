/**
 * A coordinator and two workers, a and b, with a route of proxies between each worker and the coordinator; b's is for
 * faults, a's is slow at first, so that the run outlasts what a test does to it.
 */
import type { ChildProcess } from "node:child_process";
import { expect } from "vitest";
import type { RunStatus, WorkerStatus } from "../../shared/status.js";
import { TestCluster } from "./cluster.js";
import { freePort } from "./minio.js";
import { type FinishedRun, finishedRun, type ReferenceRun, type StoreOptions } from "./reference-run.js";
import { WorkerRoute } from "./tcp-proxy.js";

/** Of 1.4 MB up and down per step: at least half a second a step. */
const slowBytesPerSecond = 5e6;

export class ProxiedCluster implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly routes: Readonly<Record<"a" | "b", WorkerRoute>>;
  readonly #options: StoreOptions;

  private constructor(cluster: TestCluster, a: WorkerRoute, b: WorkerRoute, options: StoreOptions) {
    this.cluster = cluster;
    this.routes = { a, b };
    this.#options = options;
  }

  /** No worker is started yet. */
  static async start(
    run: string,
    dataset: string,
    flags: readonly string[],
    options: StoreOptions,
  ): Promise<ProxiedCluster> {
    const [port, tensorPort] = [await freePort(), await freePort()];
    const ports = ["--port", String(port), "--tensor-port", String(tensorPort)];
    const cluster = await TestCluster.start(dataset, ["--run", run, ...ports, ...flags], options);
    const a = await WorkerRoute.open("127.0.0.2", port, tensorPort);
    const b = await WorkerRoute.open("127.0.0.3", port, tensorPort);
    a.tensors.slow(slowBytesPerSecond);
    return new ProxiedCluster(cluster, a, b, options);
  }

  /** Both workers, and the run in a step in which both have lanes. */
  async startBoth(): Promise<ChildProcess[]> {
    const started = (["a", "b"] as const).map((id) => this.cluster.worker(id, this.routes[id].address));
    const isBoth = (status: RunStatus) => hasLanes(status, "a") && hasLanes(status, "b");
    await this.cluster.until("a step of both", (status) => status.step > 0 && isBoth(status));
    return started;
  }

  /** At full speed to the end: worker a is still the same process, and the bits are the reference's. */
  async expectSameEnd(reference: ReferenceRun): Promise<FinishedRun> {
    this.routes.a.tensors.flow();
    expect(await this.cluster.coordinatorEnd).toMatchObject({ code: 0 });
    expect(await this.cluster.end("a")).toMatchObject({ code: 0 });
    const finished = await finishedRun(this.cluster.ready.run, this.#options);
    reference.expectSame(finished);
    return finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.close();
    await Promise.all(Object.values(this.routes).map((route) => route.close()));
  }
}

export const workerOf = ({ workers }: RunStatus, id: string): WorkerStatus | undefined =>
  workers.find((worker) => worker.id === id);

export const hasLanes = (status: RunStatus, id: string): boolean =>
  (workerOf(status, id)?.lanes.length ?? 0) > 0;
