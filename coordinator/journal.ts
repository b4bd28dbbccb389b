/**
 * What happened in the run: curve rows and events. Kept in memory for the pages, sealed into immutable segments
 * `log/<generation>-<n>.jsonl` at each checkpoint, whose manifest names them.
 */
import { type Curve, type EpochRow, keepNonFinite, type StepRow } from "../shared/curve.js";
import { runKey } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";

interface JournalEvent {
  readonly at: string;
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

type Line =
  | ({ readonly kind: "step" } & StepRow)
  | ({ readonly kind: "epoch" } & EpochRow)
  | ({ readonly kind: "event" } & JournalEvent);

export class Journal {
  readonly #run: string;
  readonly #generation: number;
  readonly steps: StepRow[] = [];
  readonly epochs: EpochRow[] = [];
  #unsealed: Line[] = [];
  #sealed: string[] = [];

  constructor(run: string, generation: number) {
    this.#run = run;
    this.#generation = generation;
  }

  step(row: StepRow): void {
    this.steps.push(row);
    this.#unsealed.push({ kind: "step", ...row });
  }

  epoch(row: EpochRow): void {
    this.epochs.push(row);
    this.#unsealed.push({ kind: "epoch", ...row });
  }

  event(level: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#unsealed.push({ kind: "event", at: new Date().toISOString(), level, message, fields });
  }

  get curve(): Curve {
    return { format: "trainyard-curve/1", run: this.#run, epochs: this.epochs, steps: this.steps };
  }

  /** Takes what was noted since the last seal; the rows that come while it is written go into the next. */
  takeUnsealed(): string {
    const lines = this.#unsealed.map((line) => JSON.stringify(line, keepNonFinite));
    this.#unsealed = [];
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  /** Writes one segment; returns the keys of all so far, in order. */
  async seal(store: ObjectStore, text: string): Promise<readonly string[]> {
    if (text === "") return this.#sealed;
    const key = runKey(this.#run, "log", `${this.#generation}-${this.#sealed.length}.jsonl`);
    await store.put(key, Buffer.from(text), { contentType: "application/x-ndjson" });
    this.#sealed = [...this.#sealed, key];
    return this.#sealed;
  }
}
