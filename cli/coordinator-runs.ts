/** The runs of a standing coordinator, asked over its control port. */

import type { RunState } from "../runs/run-state.js";
import { type Clock, realClock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { RunsClient } from "../shared/grpc/runs-client.js";
import type { RunEvent } from "../shared/run-events.js";
import type { ClientSecurity } from "../shared/security/client-security.js";
import { hasEnded, type RunStatus } from "../shared/status.js";
import { describedRun } from "./described-run.js";
import type { Progress } from "./progress.js";
import type { RunsSource } from "./runs-source.js";

/** How long a coordinator may be unreachable: by then one that is started again, also on another machine, is back. */
const awayMs = 120_000;
const retryMs = 1_000;

export class CoordinatorRuns implements RunsSource {
  readonly client: RunsClient;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;

  /** `address`: host:port of the control port. Errors: USAGE. */
  constructor(address: string, security: ClientSecurity, signal: AbortSignal, clock: Clock = realClock) {
    if (!/^.+:\d+$/.test(address)) {
      throw new TrainyardError("USAGE", `--coordinator must be host:port, not ${address}`);
    }
    this.client = new RunsClient(address, security, signal);
    this.#signal = signal;
    this.#clock = clock;
  }

  async list(): ReturnType<RunsSource["list"]> {
    const runs: Awaited<ReturnType<RunsSource["list"]>>[number][] = [];
    for await (const description of this.client.list()) runs.push(describedRun(description));
    return runs;
  }

  async show(name: string): Promise<RunState> {
    const run = describedRun(await this.client.show(name));
    if (!("damaged" in run)) return run;
    throw new TrainyardError("DAMAGED", run.damaged);
  }

  async follow(name: string, progress: Progress | null): Promise<RunStatus> {
    const { run } = await this.show(name);
    let reachedMs = this.#clock.nowMs();
    try {
      for (;;) {
        try {
          for await (const status of this.client.follow(run)) {
            reachedMs = this.#clock.nowMs();
            progress?.show(status, reachedMs);
            if (hasEnded(status.phase)) return status;
          }
        } catch (error) {
          if (!isAway(error) || this.#clock.nowMs() - reachedMs > awayMs) throw error;
          progress?.note(`${error.message}; waiting for it`);
        }
        await this.#clock.sleep(retryMs, this.#signal);
        this.#signal.throwIfAborted();
      }
    } finally {
      progress?.end();
    }
  }

  stop(name: string): Promise<{ run: string; state: string }> {
    return this.client.stop(name);
  }

  logs(name: string, isFollowed: boolean): AsyncIterable<RunEvent> {
    return this.client.logs(name, isFollowed);
  }

  close(): void {
    this.client.close();
  }
}

const isAway = (error: unknown): error is TrainyardError =>
  error instanceof TrainyardError && error.code === "UNREACHABLE";
