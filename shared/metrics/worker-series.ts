/**
 * The coordinator's series that carry a worker's id. They exist from the moment when the worker joins until it leaves.
 * Workers choose their ids, so this bounds the number and length of the labels.
 */
import { crc32c } from "../crc32c.js";

/** So many workers have series of their own; counts of all further ones are added up under `others`. */
const workersLimit = 1_000;
/** How many of the last lost workers are shown by name. */
const lostLimit = 20;
/** Longer ids are cut, and end in their checksum. */
const idLimit = 64;
/** The label of all workers without series of their own. No id is shortened to this text. */
const others = "(others)";

/** The part of prom-client's metrics that is needed to take series away. */
interface Removable {
  remove(labels: Record<string, string>): void;
}
interface Settable extends Removable {
  set(labels: Record<string, string>, value: number): void;
}
interface Countable extends Removable {
  inc(labels: Record<string, string>, value: number): void;
}

/** The metrics whose series come and go with workers. */
export interface WorkerSeriesOptions {
  /** Gauges with the label `worker` only. */
  readonly gauges: readonly Removable[];
  /** The counter of late workers, with the labels `worker` and `phase`. */
  readonly late: Countable;
  /** The times of losses, with the labels `worker` and `reason`. */
  readonly lost: Settable;
}

/** Creates and removes the series of workers as they join and leave. */
export class WorkerSeries {
  readonly #options: WorkerSeriesOptions;
  /** Phases of each present worker. */
  readonly #present = new Map<string, readonly string[]>();
  /** Reasons of the last losses by worker, oldest first. */
  readonly #lost = new Map<string, string>();

  constructor(options: WorkerSeriesOptions) {
    this.#options = options;
  }

  /** The label of a worker; null when it has no series of its own. */
  labelOf(id: string): string | null {
    return this.#present.has(id) ? shortened(id) : null;
  }

  /** Begins the series of a worker. Its counts begin with 0, so that the first event is an increase. */
  join(id: string, phases: readonly string[]): void {
    this.#forgetLost(id);
    if (!this.#present.has(id) && this.#present.size >= workersLimit) return;
    this.#present.set(id, phases);
    for (const phase of phases) this.#options.late.inc({ worker: shortened(id), phase }, 0);
  }

  /** Counts that a worker took longer than expected. */
  late(id: string, phase: string): void {
    const phases = this.#present.get(id);
    const worker = phases === undefined ? others : shortened(id);
    this.#options.late.inc({ worker, phase: phases?.includes(phase) === true ? phase : "other" }, 1);
  }

  /** Removes the series of a worker. */
  leave(id: string): void {
    const phases = this.#present.get(id);
    if (phases === undefined) return;
    this.#present.delete(id);
    const worker = shortened(id);
    for (const gauge of this.#options.gauges) gauge.remove({ worker });
    for (const phase of [...phases, "other"]) this.#options.late.remove({ worker, phase });
  }

  /** Shows a lost worker, until it is back or newer losses replace it. `atSeconds`: since 1970. */
  lose(id: string, reason: string, atSeconds: number): void {
    this.#forgetLost(id);
    this.#lost.set(id, reason);
    this.#options.lost.set({ worker: shortened(id), reason }, atSeconds);
    const [oldest] = this.#lost.keys();
    if (this.#lost.size > lostLimit && oldest !== undefined) this.#forgetLost(oldest);
  }

  #forgetLost(id: string): void {
    const reason = this.#lost.get(id);
    if (reason === undefined) return;
    this.#lost.delete(id);
    this.#options.lost.remove({ worker: shortened(id), reason });
  }
}

function shortened(id: string): string {
  if (id.length <= idLimit) return id;
  const sum = crc32c(Buffer.from(id)).toString(16).padStart(8, "0");
  return `${id.slice(0, idLimit - 9)}~${sum}`;
}
