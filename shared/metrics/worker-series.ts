/**
 * Series that carry a worker's id, on the coordinator: there from the worker's joining until it leaves. Ids are chosen
 * by those who come, so their number and length are bounded here.
 */
import { crc32c } from "../crc32c.js";

/** As many workers have series of their own; what is counted of more is counted together, under `others`. */
const workersLimit = 1_000;
/** The last ones that were lost are told by name. */
const lostLimit = 20;
/** Longer ids are cut, and end in their checksum. */
const idLimit = 64;
/** No worker that joins can have this label: ids are not empty, and this is what a cut one never looks like. */
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

export interface WorkerSeriesOptions {
  /** Labelled `worker` and nothing else. */
  readonly gauges: readonly Removable[];
  /** Labelled `worker` and `phase`. */
  readonly late: Countable;
  /** Labelled `worker` and `reason`. */
  readonly lost: Settable;
}

export class WorkerSeries {
  readonly #options: WorkerSeriesOptions;
  /** Phases by worker. */
  readonly #present = new Map<string, readonly string[]>();
  /** Reasons by worker, oldest first. */
  readonly #lost = new Map<string, string>();

  constructor(options: WorkerSeriesOptions) {
    this.#options = options;
  }

  /** Null: it has no series of its own. */
  labelOf(id: string): string | null {
    return this.#present.has(id) ? shortened(id) : null;
  }

  /** Its counts begin with 0, so that the first one is an increase. */
  join(id: string, phases: readonly string[]): void {
    this.#forgetLost(id);
    if (!this.#present.has(id) && this.#present.size >= workersLimit) return;
    this.#present.set(id, phases);
    for (const phase of phases) this.#options.late.inc({ worker: shortened(id), phase }, 0);
  }

  /** It was waited for in vain. */
  late(id: string, phase: string): void {
    const phases = this.#present.get(id);
    const worker = phases === undefined ? others : shortened(id);
    this.#options.late.inc({ worker, phase: phases?.includes(phase) === true ? phase : "other" }, 1);
  }

  leave(id: string): void {
    const phases = this.#present.get(id);
    if (phases === undefined) return;
    this.#present.delete(id);
    const worker = shortened(id);
    for (const gauge of this.#options.gauges) gauge.remove({ worker });
    for (const phase of [...phases, "other"]) this.#options.late.remove({ worker, phase });
  }

  /** It left against everybody's will; told until it is back, or others were lost since. `atSeconds`: since 1970. */
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
