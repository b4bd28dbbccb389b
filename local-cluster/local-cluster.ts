/**
 * A cluster on this machine: one coordinator and N workers as processes of their own on loopback. A process that dies is
 * started again while the others stay; one that refuses to run is reported. Logs lie beside the store.
 */
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { fetchStatus, hasEnded } from "../shared/status.js";
import { withoutIdentity } from "./cluster-environment.js";
import { ClusterProcess, endInWords, type ProcessEnd } from "./cluster-process.js";
import { type ClusterAddresses, type CoordinatorOver, LocalCoordinator } from "./local-coordinator.js";

export interface LocalClusterOptions {
  readonly run: string;
  readonly store: string;
  readonly workers: number;
  readonly reducers: number;
  /** More flags of each worker. */
  readonly workerFlags?: readonly string[];
  /** More flags of the coordinator. */
  readonly coordinatorFlags?: readonly string[];
  /** Flags of the coordinator that change the run when it goes on. */
  readonly changes?: readonly string[];
  readonly logLevel: string;
  /** True: the processes go on when this one ends, and are not started again when they die. */
  readonly detach: boolean;
  /** Gets a sentence for the user when a worker or the coordinator dies. */
  readonly onNotice: (message: string) => void;
  /** Called each time that a coordinator is ready for workers, the first time included. */
  readonly onReady?: (addresses: ClusterAddresses) => void;
  /** Folder of the logs. Default: beside the store. */
  readonly logFolder?: string;
  /** Variables of the processes. Default: this process' own. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** How often one worker is started again before it is given up. */
const workerRestarts = 5;
/** Time for followers to find the written end of a coordinator that has left in order. */
const endMs = 4_000;
/** How often a coordinator that may be starting again is asked how the run is. */
const askMs = 200;

export class LocalCluster {
  readonly #options: LocalClusterOptions;
  readonly logFolder: string;
  readonly #coordinator: LocalCoordinator;
  readonly #workers = new Map<string, ClusterProcess>();
  #addresses: ClusterAddresses | undefined;
  #isStopping = false;
  #over: CoordinatorOver | null = null;
  #fail: (error: Error) => void = () => undefined;
  /** Rejects when the cluster can't go on. */
  readonly failed: Promise<never>;

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    const { run, store, reducers, coordinatorFlags = [], changes = [], onNotice, onReady } = options;
    this.logFolder = options.logFolder ?? join(storeFolder(store), "logs", run);
    this.#coordinator = new LocalCoordinator({
      run,
      reducers,
      changes: [...coordinatorFlags, ...changes],
      common: this.#common(),
      process: this.#place(),
      onNotice,
      onReady: (addresses) => onReady?.(addresses),
    });
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined); // a caller that waits for it gets the error
  }

  /** Errors: USAGE when the coordinator refuses the run, FAILED when it is not ready in time. */
  async start(): Promise<ClusterAddresses> {
    const addresses = await this.#coordinator.start();
    this.#addresses = addresses;
    void this.#coordinator.over.then((over) => this.#reportCoordinator(over));
    for (let index = 1; index <= this.#options.workers; index += 1) this.startWorker(`worker-${index}`);
    return addresses;
  }

  /** `coordinator`, or a worker by its name; the one that lives now, or lived last. */
  process(name: string): ClusterProcess {
    const process = name === "coordinator" ? this.#coordinator.process : this.#workers.get(name);
    if (process === undefined) throw new Error(`invariant broken: the cluster has no ${name}`);
    return process;
  }

  /** Also one that was drained: it left in order, and joins as a new member with its old name. */
  startWorker(name: string): void {
    this.#startWorker(name, 0);
  }

  /** Asks the coordinator to stop the run; the coordinator tells the workers. */
  stop(): void {
    this.#beginStopping();
    this.#coordinator.process?.kill("SIGTERM");
  }

  /** Waits for the processes to end by themselves; kills those that are left after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#beginStopping();
    const processes = this.#processes();
    const timer = setTimeout(() => {
      for (const process of processes) process.kill("SIGKILL");
    }, graceMs);
    await Promise.all(processes.map((process) => process.ended));
    clearTimeout(timer);
  }

  /** Stops waiting for the processes, so that this one can end while the cluster goes on. */
  detach(): void {
    for (const process of this.#processes()) process.release();
  }

  #processes(): ClusterProcess[] {
    return [...this.#workers.values(), this.#coordinator.process].filter((process) => process !== undefined);
  }

  #beginStopping(): void {
    this.#isStopping = true;
    this.#coordinator.stopping();
  }

  #common(): string[] {
    const { store, logLevel, detach } = this.#options;
    return ["--store", store, "--log-level", logLevel, ...(detach ? [] : ["--attached"])];
  }

  #place() {
    const { detach, environment } = this.#options;
    return { logFolder: this.logFolder, detach, environment: withoutIdentity(environment ?? process.env) };
  }

  #startWorker(name: string, restarts: number): void {
    const address = this.#addresses?.address ?? "";
    const flags = this.#options.workerFlags ?? [];
    const words = ["worker", "--coordinator", address, "--id", name, ...flags, ...this.#common()];
    const worker = new ClusterProcess({ ...this.#place(), name, words });
    this.#workers.set(name, worker);
    void worker.ended.then(async (end) => {
      if (end.code === ExitCode.finished || end.code === ExitCode.interrupted) return;
      if (await this.#isOver()) return;
      if (end.code === ExitCode.usage || restarts >= workerRestarts) return this.#giveUp(worker, end);
      this.#options.onNotice(`${name} died (${endInWords(end)}); starting it again`);
      this.#startWorker(name, restarts + 1);
    });
  }

  /**
   * True when the run is over: a worker of a failed run exits as if it had failed itself, and must not be started again.
   * While the coordinator does not answer it is being started again, or is about to be reported as ended.
   */
  async #isOver(): Promise<boolean> {
    while (!this.#isStopping && this.#over === null) {
      const status = await fetchStatus(this.#addresses?.http ?? "", this.#options.run).catch(() => null);
      if (status !== null) return this.#isStopping || hasEnded(status.phase);
      await sleep(askMs);
    }
    return true;
  }

  #giveUp(worker: ClusterProcess, end: ProcessEnd): void {
    this.#workers.delete(worker.name);
    const [how, reason] = [endInWords(end), worker.lastMessage()];
    this.#options.onNotice(`${worker.name} ended (${how}): ${reason}`);
    if (this.#workers.size > 0) return;
    this.#abandon(`no worker is left; the last one ended with ${how}: ${reason}`);
  }

  /** Ends the cluster when its coordinator is gone, or when followers could not read how the run ended. */
  #reportCoordinator(over: CoordinatorOver): void {
    this.#over = over;
    if (over.tag === "gone") return this.#abandon(over.sentence);
    setTimeout(() => this.#abandon(over.sentence), endMs).unref();
  }

  /** Ends the cluster: attached processes leave when their standard input closes. */
  #abandon(sentence: string): void {
    this.#beginStopping();
    for (const process of this.#processes()) process.closeInput();
    this.#fail(new TrainyardError("FAILED", sentence));
  }
}

/** The folder of a file store; for other stores a folder in the working folder. */
export function storeFolder(store: string): string {
  if (store.startsWith("file:")) return resolve(store.slice("file:".length));
  return resolve(/^[./]/.test(store) ? store : ".trainyard");
}
