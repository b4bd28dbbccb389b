/**
 * A cluster of this machine: one coordinator and N workers as processes of their own on loopback. A worker that
 * crashes is started again; one that refuses to run is reported. Their logs lie beside the store.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { ExitCode, TrainyardError } from "../shared/errors.js";
import { fetchStatus, hasEnded } from "../shared/status.js";
import { packageRoot } from "../shared/version.js";

export interface LocalClusterOptions {
  readonly run: string;
  readonly store: string;
  readonly workers: number;
  readonly reducers: number;
  readonly logLevel: string;
  /** Leave the processes running when this one ends. */
  readonly detach: boolean;
  /** Told of what a person should know: a worker that died. */
  readonly onNotice: (message: string) => void;
}

export interface ClusterAddresses {
  readonly address: string;
  readonly http: string;
  /** What the coordinator wants a person to know before the run goes on. */
  readonly notes: readonly string[];
}

/** How often one worker is started again before it is given up. */
const restartsLimit = 5;
/** A coordinator that is not ready by then is reported. */
const readyMs = 60_000;
/** Time for followers to find the written end of a coordinator that has left in order. */
const endMs = 4_000;

export class LocalCluster {
  readonly #options: LocalClusterOptions;
  readonly logFolder: string;
  #coordinator: ChildProcess | undefined;
  readonly #workers = new Map<number, ChildProcess>();
  #isStopping = false;
  #fail: (error: Error) => void = () => undefined;
  /** Rejects when the cluster can't go on. */
  readonly failed: Promise<never>;

  constructor(options: LocalClusterOptions) {
    this.#options = options;
    this.logFolder = join(storeFolder(options.store), "logs", options.run);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => undefined); // whoever waits sees it
  }

  async start(): Promise<ClusterAddresses> {
    mkdirSync(this.logFolder, { recursive: true });
    const { run, reducers } = this.#options;
    const words = ["coordinator", "--run", run, "--port", "0", "--reducers", String(reducers)];
    const coordinator = this.#spawn("coordinator", words);
    this.#coordinator = coordinator;
    const addresses = await this.#ready(coordinator);
    coordinator.once("exit", (code, signal) => this.#reportCoordinator(code, signal));
    for (let index = 1; index <= this.#options.workers; index += 1) this.#startWorker(index, addresses, 0);
    return addresses;
  }

  /** The coordinator's exit code, once it has ended. */
  async coordinatorEnded(): Promise<number> {
    const child = this.#coordinator as ChildProcess;
    if (child.exitCode !== null) return child.exitCode;
    return await new Promise((done) => child.once("exit", (code) => done(code ?? ExitCode.failed)));
  }

  /** Asks the coordinator to stop; the workers are told by it. */
  stop(): void {
    this.#isStopping = true;
    this.#coordinator?.kill("SIGTERM");
  }

  /** Waits for the workers to leave by themselves; whoever has not after `graceMs` is ended. */
  async close(graceMs: number): Promise<void> {
    this.#isStopping = true;
    const children = [...this.#workers.values(), this.#coordinator].filter((child) => child !== undefined);
    const timer = setTimeout(() => {
      for (const child of children) if (child.exitCode === null) child.kill("SIGKILL");
    }, graceMs);
    await Promise.all(
      children.map(
        (child) =>
          new Promise<void>((done) => {
            if (child.exitCode !== null || child.signalCode !== null) done();
            else child.once("exit", () => done());
          }),
      ),
    );
    clearTimeout(timer);
  }

  /** Lets go of everything, so that this process can end and the cluster goes on. */
  detach(): void {
    for (const child of [...this.#workers.values(), this.#coordinator]) {
      child?.unref();
      (child?.stdout as (Readable & { unref?: () => void }) | null)?.unref?.();
    }
  }

  #startWorker(index: number, addresses: ClusterAddresses, restarts: number): void {
    const id = `worker-${index}`;
    const worker = this.#spawn(id, ["worker", "--coordinator", addresses.address, "--id", id]);
    this.#workers.set(index, worker);
    worker.once("exit", async (code, signal) => {
      if (code === ExitCode.finished || code === ExitCode.interrupted) return;
      if (await this.#isOver(addresses.http)) return;
      const how = signal === null ? `exit code ${code}` : signal;
      if (code === ExitCode.usage || restarts >= restartsLimit) return this.#giveUp(index, id, how);
      this.#options.onNotice(`${id} died (${how}); starting it again`);
      this.#startWorker(index, addresses, restarts + 1);
    });
  }

  /** A worker leaves a failed run with that run's exit code: no reason to start it again. */
  async #isOver(http: string): Promise<boolean> {
    if (this.#isStopping) return true;
    const status = await fetchStatus(http, this.#options.run).catch(() => null);
    return this.#isStopping || status === null || hasEnded(status.phase);
  }

  #giveUp(index: number, id: string, how: string): void {
    this.#workers.delete(index);
    const reason = lastMessage(join(this.logFolder, `${id}.log`));
    this.#options.onNotice(`${id} ended (${how}): ${reason}`);
    if (this.#workers.size > 0) return;
    this.#abandon(`no worker is left; the last one ended with ${how}: ${reason}`);
  }

  /** One that died, or whose end nobody could read, ends the cluster. */
  #reportCoordinator(code: number | null, signal: NodeJS.Signals | null): void {
    const log = join(this.logFolder, "coordinator.log");
    if (signal !== null) {
      const { run } = this.#options;
      return this.#abandon(
        `the coordinator died (${signal}), its log is ${log}; go on with trainyard train --resume ${run}`,
      );
    }
    const sentence = `the coordinator ended (exit code ${code}) without a word of how the run ended: ${lastMessage(log)}`;
    setTimeout(() => this.#abandon(sentence), endMs).unref();
  }

  /** The attached processes learn of it by their standard input and leave. */
  #abandon(sentence: string): void {
    this.#isStopping = true;
    for (const child of [...this.#workers.values(), this.#coordinator]) child?.stdin?.end();
    this.#fail(new TrainyardError("FAILED", sentence));
  }

  #spawn(name: string, words: readonly string[]): ChildProcess {
    const { store, logLevel, detach } = this.#options;
    const log = openSync(join(this.logFolder, `${name}.log`), "a");
    const all = [...words, "--store", store, "--log-level", logLevel, ...(detach ? [] : ["--attached"])];
    return spawn(process.execPath, [join(packageRoot(), "bin", "trainyard.mjs"), ...all], {
      // A process group of its own: Ctrl-C reaches the starter, which then winds everything down in order.
      detached: true,
      stdio: [detach ? "ignore" : "pipe", name === "coordinator" ? "pipe" : "ignore", log],
    });
  }

  #ready(coordinator: ChildProcess): Promise<ClusterAddresses> {
    const log = join(this.logFolder, "coordinator.log");
    return new Promise((done, reject) => {
      const timer = setTimeout(
        () =>
          reject(
            new TrainyardError(
              "FAILED",
              `the coordinator is not ready after ${readyMs / 1000} s; see ${log}`,
            ),
          ),
        readyMs,
      );
      coordinator.once("exit", (code) => {
        clearTimeout(timer);
        reject(
          new TrainyardError(
            code === ExitCode.usage ? "USAGE" : "FAILED",
            `the coordinator ended before it was ready: ${lastMessage(log)}`,
          ),
        );
      });
      createInterface({ input: coordinator.stdout as Readable }).once("line", (line) => {
        clearTimeout(timer);
        done(JSON.parse(line) as ClusterAddresses);
      });
    });
  }
}

/** The folder of an embedded store; for others one in the working folder. */
export function storeFolder(store: string): string {
  if (store.startsWith("file:")) return resolve(store.slice("file:".length));
  return resolve(/^[./]/.test(store) ? store : ".trainyard");
}

/** The last thing that a process said, without the JSON around it. */
function lastMessage(file: string): string {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const last = lines[lines.length - 1] ?? "";
  try {
    const { msg } = JSON.parse(last) as { msg?: string };
    return msg ?? last;
  } catch {
    return last.replace(/^trainyard: /, "") || `it said nothing; see ${file}`;
  }
}
