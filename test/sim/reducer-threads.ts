/**
 * Reducers without threads: the real pool and the real reducer, with a simulated port between them. What each update
 * did to a slice is noted for the checkers, from the vectors before and after it.
 */
import type { OptimizerVectors } from "../../coordinator/optimizers/optimizer.js";
import type { OptimizerStep } from "../../coordinator/optimizers/registry.js";
import type { FromReducer, ReducerOptions, ToReducer } from "../../coordinator/reducers/messages.js";
import { type PoolOptions, ReducerPool, type ReducerThread } from "../../coordinator/reducers/pool.js";
import { type ReducerPort, runReducer } from "../../coordinator/reducers/reducer.js";
import type { Network } from "./network.js";
import type { SimProcess } from "./process.js";
import { SimTensorListener } from "./tensor-listener.js";

/** One slice's update, as it happened. */
export interface SliceUpdate {
  readonly atMs: number;
  readonly generation: number;
  readonly slice: number;
  readonly begin: number;
  readonly step: number;
  readonly tag: "apply" | "skip";
  /** Null for a skip. */
  readonly update: OptimizerStep | null;
  readonly before: OptimizerVectors;
  readonly after: OptimizerVectors;
}

export function simReducers(
  network: Network,
  process: SimProcess,
  onUpdate: (update: SliceUpdate) => void,
): (options: PoolOptions) => ReducerPool {
  return (options) =>
    new ReducerPool({
      ...options,
      clock: process.clock,
      startThread: (thread) => new SimReducerThread(network, process, thread, onUpdate),
    });
}

class SimReducerThread implements ReducerThread {
  readonly #network: Network;
  readonly #process: SimProcess;
  readonly #options: ReducerOptions;
  readonly #onUpdate: (update: SliceUpdate) => void;
  #hearReducer: (message: ToReducer) => void = () => undefined;
  #hearPool: (message: FromReducer) => void = () => undefined;
  #toReducerAtMs = 0;
  #toPoolAtMs = 0;
  #isOver = false;

  constructor(
    network: Network,
    process: SimProcess,
    options: ReducerOptions,
    onUpdate: (update: SliceUpdate) => void,
  ) {
    this.#network = network;
    this.#process = process;
    this.#options = options;
    this.#onUpdate = onUpdate;
    const port: ReducerPort = {
      postMessage: (message) => this.#fromReducer(message),
      on: (_, hear) => {
        this.#hearReducer = hear;
      },
      close: () => {
        this.#isOver = true;
      },
    };
    const listener = new SimTensorListener(network, process);
    runReducer(options, port, { clock: process.clock, listener });
  }

  postMessage(message: ToReducer): void {
    this.#toReducerAtMs = this.#pass(this.#toReducerAtMs, () => this.#carryOut(message));
  }

  on(event: "message" | "error" | "exit", hear: (message: never) => void): void {
    if (event === "message") this.#hearPool = hear as (message: FromReducer) => void;
  }

  async terminate(): Promise<void> {
    this.#isOver = true;
  }

  #fromReducer(message: FromReducer): void {
    if (message.tag === "snapshot" && message.id < 0) return; // the checkers' own
    this.#toPoolAtMs = this.#pass(this.#toPoolAtMs, () => this.#hearPool(message));
  }

  /** A port keeps order. Returns when the message arrives. */
  #pass(lastAtMs: number, act: () => void): number {
    const { clock } = this.#process;
    const atMs = Math.max(lastAtMs, clock.nowMs() + this.#network.latencyMs() / 10);
    clock.after(atMs - clock.nowMs(), () => {
      if (!this.#isOver) act();
    });
    return atMs;
  }

  #carryOut(message: ToReducer): void {
    if (message.tag !== "apply" && message.tag !== "skip") return this.#hearReducer(message);
    const before = this.#observe();
    this.#hearReducer(message);
    const after = this.#observe();
    const { range, identity } = this.#options;
    this.#onUpdate({
      atMs: this.#process.clock.nowMs(),
      generation: identity.generation,
      slice: range.slice,
      begin: range.begin,
      step: message.step,
      tag: message.tag,
      update: message.tag === "apply" ? message.update : null,
      before,
      after,
    });
  }

  #observe(): OptimizerVectors {
    const { range, identity } = this.#options;
    const vector = () => new Float32Array(range.end);
    const whole = { weights: vector(), moments: Array.from({ length: identity.momentVectors }, vector) };
    this.#hearReducer({ tag: "snapshot", id: -1, whole });
    const part = (values: Float32Array) => values.subarray(range.begin);
    return { weights: part(whole.weights), moments: whole.moments.map(part) };
  }
}
