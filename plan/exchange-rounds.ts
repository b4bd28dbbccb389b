/**
 * Steps of the real tensor plane without an engine: the reducers' threads, and threads that stand for one or two
 * workers, over loopback. Of each round the time, and how long each thread was busy.
 */

import { Worker } from "node:worker_threads";
import type { CoreEvent } from "../coordinator/core/events.js";
import { ReducerPool } from "../coordinator/reducers/pool.js";
import { TrainyardError } from "../shared/errors.js";
import type { Wire } from "../shared/grpc/wire.js";
import { rootOf, type TreeNode } from "../shared/tree.js";
import {
  type ExchangeWorkerOptions,
  exchangeRun,
  type FromExchangeWorker,
  loopback,
  type ToExchangeWorker,
} from "./exchange-messages.js";
import { measuredMomentVectors, measuredStep } from "./measured-optimizer.js";

/** Seconds of one half of a round. Busy: of all reducers, and of one worker. */
export interface HalfRound {
  readonly wall: number;
  readonly reducersBusy: number;
  readonly workerBusy: number;
}

export interface Round {
  /** Seconds from the order to send until every slice has its root. */
  readonly up: HalfRound;
  /** Seconds from the decision until every worker has the next weights. */
  readonly down: HalfRound;
}

export interface ExchangeOptions {
  readonly parameters: number;
  readonly reducers: number;
  readonly wire: Wire;
  /** Workers in a round; each sends one lane. */
  readonly workers: 1 | 2;
  /** Rounds are started for at least so long, and at least so many. */
  readonly forMs: number;
  readonly fewest: number;
}

const roundLimitMs = 60_000;

/** The first rounds, in which code is compiled and windows grow, are left out. Errors: FAILED, INTERRUPTED. */
export async function exchangeRounds(options: ExchangeOptions, signal: AbortSignal): Promise<Round[]> {
  const exchange = new Exchange(options);
  try {
    await exchange.start();
    return await exchange.rounds(signal);
  } finally {
    await exchange.close();
  }
}

/** Rounds before the first that counts. */
const warmUp = 3;

class Exchange {
  readonly #options: ExchangeOptions;
  readonly #pool: ReducerPool;
  readonly #reducers: Worker[] = [];
  readonly #workers: Worker[] = [];
  #count = new Countdown(0);

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { parameters, reducers, workers, wire } = options;
    this.#pool = new ReducerPool({
      identity: { ...exchangeRun, lanes: workers, momentVectors: measuredMomentVectors, tolerance: 0, wire },
      parameterCount: parameters,
      reducers,
      host: loopback,
      port: 0,
      onEvent: (event) => this.#hear(event),
      onTraffic: () => undefined,
      onRefused: (reason) => this.#fail(`a partial was refused: ${reason}`),
      startThread: (workerData) => {
        const thread = new Worker(new URL("../coordinator/reducers/thread.js", import.meta.url), {
          workerData,
        });
        this.#reducers.push(thread);
        return thread;
      },
    });
  }

  async start(): Promise<void> {
    const slices = await this.#pool.start();
    const { parameters, workers, wire } = this.#options;
    for (let index = 0; index < workers; index += 1) {
      const workerData: ExchangeWorkerOptions = { worker: `w${index}`, slices, wire };
      const thread = new Worker(new URL("./exchange-worker.js", import.meta.url), { workerData });
      thread.on("message", (message: FromExchangeWorker) => {
        if (message.tag === "broken") this.#fail(message.message);
        else this.#count.down();
      });
      thread.on("error", (error) => this.#fail(error.message));
      this.#workers.push(thread);
    }
    const vector = () => new Float32Array(parameters);
    await this.#phase(slices.length + workers, () => {
      this.#pool.restore(0, {
        weights: vector(),
        moments: Array.from({ length: measuredMomentVectors }, vector),
      });
      this.#tell(() => ({ tag: "receive", step: 0 }));
    });
  }

  async rounds(signal: AbortSignal): Promise<Round[]> {
    const { forMs, fewest } = this.#options;
    const rounds: Round[] = [];
    const untilMs = performance.now() + forMs;
    for (let step = 0; rounds.length < fewest + warmUp || performance.now() < untilMs; step += 1) {
      signal.throwIfAborted();
      rounds.push(await this.#round(step));
    }
    return rounds.slice(warmUp);
  }

  async #round(step: number): Promise<Round> {
    const { workers } = this.#options;
    const lanes = Array.from({ length: workers }, (_, lane) => lane);
    this.#pool.begin({ step, attempt: 0, present: lanes, banned: [] });
    const nodeOf = (lane: number): TreeNode => (workers === 1 ? rootOf(1) : { begin: lane, end: lane + 1 });
    const slices = this.#reducers.length;
    const up = await this.#phase(slices + workers, () =>
      this.#tell((lane) => ({ tag: "send", step, node: nodeOf(lane) })),
    );
    const down = await this.#phase(slices + workers, () => {
      this.#tell(() => ({ tag: "receive", step: step + 1 }));
      this.#pool.apply(step, measuredStep(workers), false);
    });
    return { up, down };
  }

  async close(): Promise<void> {
    for (const thread of this.#workers) thread.postMessage({ tag: "close" } satisfies ToExchangeWorker);
    await Promise.all(this.#workers.map((thread) => thread.terminate()));
    await this.#pool.close();
  }

  /** Until so many answers came; busy times are those of the event loops, without waiting. */
  async #phase(answers: number, begin: () => void): Promise<HalfRound> {
    const busyOf = (threads: readonly Worker[]) =>
      threads.reduce((sum, thread) => sum + thread.performance.eventLoopUtilization().active / 1000, 0);
    this.#count = new Countdown(answers);
    const before = {
      ms: performance.now(),
      reducers: busyOf(this.#reducers),
      workers: busyOf(this.#workers),
    };
    begin();
    await this.#count.reached(roundLimitMs);
    return {
      wall: (performance.now() - before.ms) / 1000,
      reducersBusy: busyOf(this.#reducers) - before.reducers,
      workerBusy: (busyOf(this.#workers) - before.workers) / Math.max(1, this.#workers.length),
    };
  }

  #tell(message: (lane: number) => ToExchangeWorker): void {
    this.#workers.forEach((thread, lane) => {
      thread.postMessage(message(lane));
    });
  }

  #hear(event: CoreEvent): void {
    if (event.tag === "fatal") this.#fail(event.message);
    if (event.tag === "sliceWhole" || event.tag === "sliceCommitted" || event.tag === "sliceLoaded")
      this.#count.down();
  }

  #fail(message: string): void {
    this.#count.fail(new TrainyardError("FAILED", `the exchange could not be measured: ${message}`));
  }
}

class Countdown {
  #left: number;
  readonly #done: Promise<void>;
  #resolve: () => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor(count: number) {
    this.#left = count;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#done.catch(() => undefined); // awaited in `reached`
    if (count === 0) this.#resolve();
  }

  down(): void {
    this.#left -= 1;
    if (this.#left === 0) this.#resolve();
  }

  fail(error: Error): void {
    this.#reject(error);
  }

  async reached(withinMs: number): Promise<void> {
    const late = new TrainyardError("FAILED", `the exchange did not end within ${withinMs / 1000} s`);
    const timer = setTimeout(() => this.#reject(late), withinMs);
    await this.#done.finally(() => clearTimeout(timer));
  }
}
