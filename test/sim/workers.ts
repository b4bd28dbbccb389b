/** The run's workers: the real one in a simulated process, started again in its place when it ended. */
import { drawStream } from "../../shared/random.js";
import { interruption } from "../../shared/retry.js";
import type { WorkerDependencies } from "../../worker/dependencies.js";
import { runWorker } from "../../worker/worker.js";
import { SimControlStream } from "./control.js";
import type { SimEngine, Speed } from "./engine.js";
import { prepareSimRun } from "./prepared-run.js";
import type { SimProcess } from "./process.js";
import { simulatedDraws } from "./setup.js";
import { simLogger, simMetrics } from "./silent.js";
import { SimStore } from "./store.js";
import { SimPartials, SimWeights } from "./tensors.js";
import { controlPort, describeError, restartMs, type World } from "./world.js";

/** A place for a worker: one process after another lives there. */
export interface WorkerSlot {
  readonly number: number;
  readonly speed: Speed & { factor: number };
  lives: number;
  process: SimProcess | null;
  engine: SimEngine | null;
  drain: AbortController;
  /** True once the coordinator has sent it away for wrong results: under its name it is never let in again. */
  isRefused: boolean;
}

export class Workers {
  readonly #world: World;
  readonly slots: WorkerSlot[] = [];
  /** The most that were there together. */
  most = 0;
  #last = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** The slot of a worker's number, from 1 on. A number beyond the last starts again from the first. */
  slot(worker: number): WorkerSlot {
    return this.slots[(worker - 1) % this.slots.length] as WorkerSlot;
  }

  /** Removes a worker for good, unless it is the last one that a coordinator lets in. */
  remove(worker: number): void {
    const slot = this.slot(worker);
    if (this.slots.every((other) => other === slot || other.isRefused)) return;
    this.kill(slot, null);
    this.slots.splice(this.slots.indexOf(slot), 1);
  }

  add(): void {
    this.#last += 1;
    const number = this.#last;
    const random = drawStream(simulatedDraws, this.#world.setup.seed, 103, number);
    const usual: Record<string, readonly [number, number]> = {
      lane: [30, 150],
      block: [20, 60],
      prepare: [300, 1_500],
      initialise: [50, 150],
    };
    const computeMs = (name: string) =>
      random.nextBetween(...(usual[name] ?? [0.1, 0.3])) * (name === "block" ? this.#world.blockFactor : 1);
    const slot: WorkerSlot = {
      number,
      speed: { factor: 1, computeMs },
      lives: 0,
      process: null,
      engine: null,
      drain: new AbortController(),
      isRefused: false,
    };
    this.slots.push(slot);
    this.most = Math.max(this.most, this.slots.length);
    this.#start(slot);
  }

  #start(slot: WorkerSlot): void {
    if (this.#world.isFinished || slot.process !== null) return;
    slot.lives += 1;
    const name = this.#world.setup.stableIds ? `w${slot.number}` : `w${slot.number}.${slot.lives}`;
    const process = this.#world.process(name);
    const store = new SimStore(this.#world.store, process);
    slot.process = process;
    slot.drain = new AbortController();
    const { network } = this.#world;
    const dependencies: WorkerDependencies = {
      clock: process.clock,
      connect: (address) => new SimControlStream(network, process, address),
      openWeights: (options) => new SimWeights(network, process, options),
      openPartials: (options) => new SimPartials(network, process, options),
      openStore: async () => store,
      prepareRun: (spec, _, signal) =>
        unlessAborted(signal, prepareSimRun(this.#world, slot, process, store, spec)),
    };
    runWorker({
      coordinator: `coordinator:${controlPort}`,
      id: name,
      metricsAddress: "",
      logger: simLogger((line) => this.#world.note(`${name}: ${line}`)),
      metrics: simMetrics(() => undefined),
      signal: slot.drain.signal,
      dependencies,
    }).then(
      ({ outcome, message }) => this.#ended(slot, process, `${outcome}: ${message}`),
      (error: unknown) => this.#ended(slot, process, describeError(error)),
    );
  }

  #ended(slot: WorkerSlot, process: SimProcess, end: string): void {
    if (slot.process !== process) return;
    this.#world.note(`${process.name} ends: ${end}`);
    slot.isRefused ||= this.#world.setup.stableIds && end.includes("its results were wrong");
    if (end.startsWith("broken")) this.#world.broken.push(`${process.name} ${end}`);
    this.kill(slot, restartMs);
  }

  /** `downMs`: null = for good. */
  kill(slot: WorkerSlot, downMs: number | null): void {
    const { process } = slot;
    slot.process = null;
    slot.engine = null;
    if (process === null) return;
    process.die();
    this.#world.network.died(process);
    if (downMs !== null) this.#world.scheduler.after(downMs, () => this.#start(slot));
  }
}

/** Rejects when the signal aborts, as preparing a real run does, which ends the engine's thread then. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    work.then(resolve, reject);
    const abort = () => reject(interruption(signal, "preparing"));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
