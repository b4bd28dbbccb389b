/** A cluster of real processes on loopback that a test can hurt: a coordinator, and workers by name. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import type { Curve } from "../../shared/curve.js";
import { noSecurity } from "../../shared/security/client-security.js";
import { fetchStatus, type RunStatus } from "../../shared/status.js";
import { finishedCurve } from "./finished-curve.js";
import { type Ended, endOf, type RunOptions, startProgram } from "./program.js";

interface Ready {
  readonly run: string;
  readonly address: string;
  readonly http: string;
  readonly notes: readonly string[];
}

export class TestCluster {
  readonly #options: RunOptions & { readonly store: string };
  #coordinator: ChildProcess;
  readonly #workers = new Map<string, ChildProcess>();
  readonly #ends = new Map<string, Promise<Ended>>();
  ready: Ready;
  /** By which the status is asked for. */
  security = noSecurity;
  coordinatorEnd: Promise<Ended>;

  private constructor(options: RunOptions & { store: string }, coordinator: ChildProcess, ready: Ready) {
    this.#options = options;
    this.#coordinator = coordinator;
    this.coordinatorEnd = endOf(coordinator);
    this.ready = ready;
  }

  /** `flags`: of the run, as for `trainyard train`. */
  static async start(
    dataset: string,
    flags: readonly string[],
    options: RunOptions & { store: string },
  ): Promise<TestCluster> {
    const port = flags.includes("--port") ? [] : ["--port", "0"];
    const words = ["coordinator", dataset, "--store", options.store, ...port, ...flags];
    const coordinator = startProgram(words, options);
    return new TestCluster(options, coordinator, await readiness(coordinator, words));
  }

  /** Another coordinator for a run that has one, or had one, with workers of its own. */
  static async goOn(
    run: string,
    flags: readonly string[],
    options: RunOptions & { store: string },
  ): Promise<TestCluster> {
    const words = ["coordinator", "--run", run, "--store", options.store, "--port", "0", ...flags];
    const coordinator = startProgram(words, options);
    return new TestCluster(options, coordinator, await readiness(coordinator, words));
  }

  get coordinatorPid(): number {
    return this.#coordinator.pid ?? 0;
  }

  /** SIGSTOP freezes it, SIGCONT wakes it. */
  signalCoordinator(signal: NodeJS.Signals): void {
    this.#coordinator.kill(signal);
  }

  /** SIGKILL to the coordinator; the workers are left alone. */
  async killCoordinator(): Promise<void> {
    this.#coordinator.kill("SIGKILL");
    await this.coordinatorEnd;
  }

  /** Another coordinator for the same run, where its workers look for it. */
  async startAgain(flags: readonly string[] = []): Promise<void> {
    const { run, address } = this.ready;
    const port = address.slice(address.lastIndexOf(":") + 1);
    const words = ["coordinator", "--run", run, "--store", this.#options.store, "--port", port, ...flags];
    this.#coordinator = startProgram(words, this.#options);
    this.coordinatorEnd = endOf(this.#coordinator);
    this.ready = await readiness(this.#coordinator, words);
  }

  /** `at`: where it finds the coordinator, when there is something between them. */
  worker(id: string, at = this.ready.address, flags: readonly string[] = []): ChildProcess {
    const words = ["worker", "--coordinator", at, "--id", id, "--store", this.#options.store, ...flags];
    const child = startProgram(words, this.#options);
    this.#workers.set(id, child);
    this.#ends.set(id, endOf(child));
    return child;
  }

  end(id: string): Promise<Ended> {
    const end = this.#ends.get(id);
    if (end === undefined) throw new Error(`no worker ${id}`);
    return end;
  }

  kill(id: string, signal: NodeJS.Signals): void {
    this.#workers.get(id)?.kill(signal);
  }

  status(): Promise<RunStatus> {
    return fetchStatus(this.ready.http, this.ready.run, undefined, this.security);
  }

  /** Waits until the run is as described; the deadline names what was waited for. */
  async until(
    what: string,
    isThere: (status: RunStatus) => boolean,
    deadlineMs = 180_000,
    pollMs = 20,
  ): Promise<RunStatus> {
    const startedMs = Date.now();
    for (;;) {
      const status = await this.status();
      if (isThere(status)) return status;
      if (Date.now() - startedMs > deadlineMs)
        throw new Error(`waited too long for ${what}: ${JSON.stringify(status)}`);
      await sleep(pollMs);
    }
  }

  /** The finished run's curve from the store. */
  curve(): Promise<Curve> {
    return finishedCurve(this.ready.run, this.#options);
  }

  /** Ends whatever is left of it. */
  async close(): Promise<void> {
    for (const child of [...this.#workers.values(), this.#coordinator]) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    }
    await Promise.all([...this.#ends.values(), this.coordinatorEnd]);
  }
}

/** A coordinator's first line of output. */
async function readiness(coordinator: ChildProcess, words: readonly string[]): Promise<Ready> {
  const lines = createInterface({ input: coordinator.stdout as Readable });
  const ended = once(coordinator, "close").then(() => null);
  const first = await Promise.race([once(lines, "line"), ended]);
  if (first === null) throw new Error(`the coordinator ended at once: ${words.join(" ")}`);
  return JSON.parse(String(first[0])) as Ready;
}

/** Every commit's checksum, in step order. */
export const checksums = (curve: Curve) => curve.steps.map((row) => row.crc32c);
