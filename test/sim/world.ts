/**
 * What everything of a simulation shares: time, network and store, the run's spec and data, the transcript, and what must
 * never happen as it happened. It makes processes and starts nothing.
 */
import type { Manifest } from "../../dataset/manifest.js";
import { TrainyardError } from "../../shared/errors.js";
import { type RunSpec, runKey } from "../../shared/spec.js";
import { datasetObjects, manifestOf } from "./dataset.js";
import { Fencing } from "./fencing.js";
import { Network } from "./network.js";
import { SimProcess } from "./process.js";
import { Scheduler } from "./scheduler.js";
import { runName, type Setup, specOf } from "./setup.js";
import type { Note } from "./silent.js";
import { StoreServer } from "./store.js";

/** One way, without faults. */
export const calmNetworkMs = [0.2, 3] as const;
export const calmStoreMs = [1, 10] as const;
/** Time between the end of a process and the start of another in its place. */
export const restartMs = 1_500;
export const controlPort = 7070;

export class World {
  readonly setup: Setup;
  readonly spec: RunSpec;
  readonly manifest: Manifest;
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly store: StoreServer;
  readonly fencing = new Fencing();
  readonly note: Note;
  readonly broken: string[] = [];
  /** Somebody closed the run: nobody starts anything for it. */
  isFinished = false;
  /** Something happened for which a run may fail: the store, or a coordinator that stood still. */
  mayFail = false;
  /** Samples that a worker, or every worker (null), can't read: those whose number can be divided by `every`. */
  readonly unreadable = new Set<{ readonly worker: number | null; readonly every: number }>();
  /** How many times longer than usual an evaluation block takes. */
  blockFactor = 1;
  /** How long an export takes besides its writing. */
  exportMs = 0;
  onPut: (process: SimProcess) => void = () => undefined;

  constructor(setup: Setup, seed: number, note: Note) {
    this.setup = setup;
    this.spec = specOf(setup);
    this.manifest = manifestOf(setup.dataset);
    this.note = (line) => note(`${(this.scheduler.nowMs / 1000).toFixed(4).padStart(9)} ${line}`);
    this.network = new Network(this.scheduler, seed, { latencyMs: calmNetworkMs, echoes: 0 });
    this.store = new StoreServer(this.network, seed, { latencyMs: calmStoreMs, failures: 0 });
    for (const [key, bytes] of datasetObjects(this.manifest)) this.store.objects.set(key, bytes);
    this.store.objects.set(runKey(runName, "spec.json"), Buffer.from(JSON.stringify(this.spec)));
    this.store.onGet = (process, key) => this.fencing.read(process, key);
    this.store.onRefusedPut = (process, key) => this.fencing.refused(process, key);
    this.store.onPut = (process, key, bytes) => this.#notePut(process, key, bytes);
  }

  process(name: string): SimProcess {
    return new SimProcess(name, this.scheduler, (error) =>
      this.broken.push(`${name} broke: ${describeError(error)}`),
    );
  }

  #notePut(process: SimProcess, key: string, bytes: Uint8Array): void {
    this.note(`${process.name} wrote ${key}`);
    this.fencing.wrote(process, key, bytes);
    if (key.includes("/generations/") && Buffer.from(bytes).includes('"closes"')) this.isFinished = true;
    this.onPut(process);
  }
}

/** An error of the project's own is an end like any other; anything else is a broken invariant. */
export function describeError(error: unknown): string {
  if (error instanceof TrainyardError) return `${error.code}: ${error.message}`;
  return `broken: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
}
