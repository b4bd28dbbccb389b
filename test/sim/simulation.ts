/** One simulated run as checkers see it: its world, its processes, and the faults that are done to them. */
import type { Manifest } from "../../dataset/manifest.js";
import type { RunSpec } from "../../shared/spec.js";
import { type CoordinatorLife, Coordinators } from "./coordinators.js";
import { FaultActs } from "./fault-acts.js";
import type { FaultAct } from "./faults.js";
import type { Fencing } from "./fencing.js";
import type { Network } from "./network.js";
import type { SliceUpdate } from "./reducer-threads.js";
import type { Scheduler } from "./scheduler.js";
import type { Setup } from "./setup.js";
import type { Note } from "./silent.js";
import type { StoreServer } from "./store.js";
import { type WorkerSlot, Workers } from "./workers.js";
import { World } from "./world.js";

export class Simulation {
  readonly setup: Setup;
  readonly spec: RunSpec;
  readonly manifest: Manifest;
  readonly scheduler: Scheduler;
  readonly network: Network;
  readonly store: StoreServer;
  readonly fencing: Fencing;
  /** What must never happen, as it happened. */
  readonly broken: readonly string[];
  readonly #world: World;
  readonly #coordinators: Coordinators;
  readonly #workers: Workers;
  readonly #faults: FaultActs;

  /** `note`: takes the transcript's lines. */
  constructor(setup: Setup, seed: number, note: Note = () => undefined) {
    const world = new World(setup, seed, note);
    this.#world = world;
    this.setup = setup;
    this.spec = world.spec;
    this.manifest = world.manifest;
    this.scheduler = world.scheduler;
    this.network = world.network;
    this.store = world.store;
    this.fencing = world.fencing;
    this.broken = world.broken;
    this.#coordinators = new Coordinators(world);
    this.#workers = new Workers(world);
    this.#faults = new FaultActs(world, this.#coordinators, this.#workers);
    this.#coordinators.start();
    for (let worker = 0; worker < setup.workers; worker += 1) this.#workers.add();
  }

  /** All lives, in the order of their starts. */
  get coordinators(): readonly CoordinatorLife[] {
    return this.#coordinators.lives;
  }

  get workers(): readonly WorkerSlot[] {
    return this.#workers.slots;
  }

  /** The most that were there together. */
  get mostWorkers(): number {
    return this.#workers.most;
  }

  /** Of all slices in all coordinators' lives. */
  get updates(): readonly SliceUpdate[] {
    return this.#coordinators.updates;
  }

  /** Messages that were not accepted, by reason. */
  get refused(): ReadonlyMap<string, number> {
    return this.#coordinators.refused;
  }

  /** The run is closed and nobody lives any more. */
  get isDone(): boolean {
    return (
      this.#world.isFinished &&
      this.#coordinators.newest === undefined &&
      this.workers.every(({ process }) => process === null)
    );
  }

  fault(fault: FaultAct): void {
    this.#faults.fault(fault);
  }

  /** Everything that still is wrong is mended. */
  endFaults(): void {
    this.#faults.end();
  }

  /** An error that no process took. */
  noteUncaught(error: unknown): void {
    this.#world.broken.push(`nobody took the error ${error instanceof Error ? error.stack : String(error)}`);
  }
}
