/** A standing coordinator and its pool of workers as real processes on loopback, which a test can hurt. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { fetchStatus, type RunStatus } from "../../shared/status.js";
import { type Ended, endOf, type RunOptions, runProgram, startProgram } from "./program.js";

type Options = RunOptions & { readonly store: string };

interface Life {
  readonly child: ChildProcess;
  readonly end: Promise<Ended>;
}

export class StandingCluster {
  readonly #options: Options;
  readonly #workers = new Map<string, Life>();
  #coordinator: Life;
  readonly address: string;
  readonly http: string;

  private constructor(options: Options, coordinator: Life, { address, http }: Ready) {
    this.#options = options;
    this.#coordinator = coordinator;
    this.address = address;
    this.http = http;
  }

  static async start(options: Options): Promise<StandingCluster> {
    const life = coordinator(options, ["--port", "0"]);
    return new StandingCluster(options, life, await readiness(life));
  }

  /** On the ports where its workers look for it. */
  async startAgain(): Promise<void> {
    const ports = ["--port", portOf(this.address), "--http-port", portOf(this.http)];
    this.#coordinator = coordinator(this.#options, ports);
    await readiness(this.#coordinator);
  }

  get coordinatorEnd(): Promise<Ended> {
    return this.#coordinator.end;
  }

  async signalCoordinator(signal: NodeJS.Signals): Promise<Ended> {
    this.#coordinator.child.kill(signal);
    return await this.#coordinator.end;
  }

  /** `flags`: besides --stay. */
  worker(id: string, flags: readonly string[] = ["--stay"]): Life {
    const words = ["worker", "--coordinator", this.address, "--id", id, ...flags];
    const child = startProgram(words, this.#options);
    const life = { child, end: endOf(child) };
    this.#workers.set(id, life);
    return life;
  }

  workerOf(id: string): Life {
    const life = this.#workers.get(id);
    if (life === undefined) throw new Error(`no worker ${id}`);
    return life;
  }

  /** A command that asks this coordinator. */
  ask(...words: string[]): Promise<Ended> {
    return runProgram([...words, "--coordinator", this.address], this.#options);
  }

  /** Waits until the run is so; null while it is not under way. */
  async until(run: string, what: string, isThere: (status: RunStatus | null) => boolean): Promise<void> {
    const startedMs = Date.now();
    for (;;) {
      const status = await fetchStatus(this.http, run).catch(() => null);
      if (isThere(status)) return;
      if (Date.now() - startedMs > 120_000)
        throw new Error(`${run}: never ${what}: ${JSON.stringify(status)}`);
      await sleep(10);
    }
  }

  async queue(): Promise<string[]> {
    const answer = (await (await fetch(`http://${this.http}/queue`)).json()) as { queue: { run: string }[] };
    return answer.queue.map(({ run }) => run);
  }

  async close(): Promise<void> {
    for (const { child, end } of [...this.#workers.values(), this.#coordinator]) {
      if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
      await end;
    }
  }
}

interface Ready {
  readonly address: string;
  readonly http: string;
}

function coordinator(options: Options, ports: readonly string[]): Life {
  const child = startProgram(["coordinator", "--store", options.store, ...ports], options);
  return { child, end: endOf(child) };
}

async function readiness({ child, end }: Life): Promise<Ready> {
  const lines = createInterface({ input: child.stdout as Readable });
  const first = await Promise.race([once(lines, "line"), end]);
  if (!Array.isArray(first)) throw new Error(`the coordinator ended at once: ${first.stderr}`);
  return JSON.parse(String(first[0])) as Ready;
}

const portOf = (address: string) => address.slice(address.lastIndexOf(":") + 1);
