/**
 * The journal of a run: rows of the curve, and events. It keeps them in memory for the pages, and seals them into immutable
 * segments `log/<generation>-<n>.jsonl` at each checkpoint, whose manifest names the segments.
 */

import type { HashedObject } from "../shared/checkpoint.js";
import type { Clock } from "../shared/clock.js";
import { type Curve, type EpochRow, keepNonFinite, type StepRow } from "../shared/curve.js";
import type { RunEvent } from "../shared/run-events.js";
import { runKey } from "../shared/spec.js";
import { sha256Hex } from "../shared/store/hashed.js";
import type { ObjectStore } from "../shared/store/object-store.js";

type Line =
  | ({ readonly kind: "step" } & StepRow)
  | ({ readonly kind: "epoch" } & EpochRow)
  | ({ readonly kind: "event" } & RunEvent);

/** How many of the newest events are kept in memory for followers, whether they were sealed or not. */
const keptEvents = 10_000;

/** Rows that former coordinators sealed, up to the checkpoint, and the segments that hold them. */
export interface SealedLog {
  readonly steps: readonly StepRow[];
  readonly epochs: readonly EpochRow[];
  readonly segments: readonly HashedObject[];
}

/** The curve and the events of a run, in memory and in sealed segments. */
export class Journal {
  readonly #run: string;
  readonly #generation: number;
  readonly #clock: Pick<Clock, "date">;
  readonly steps: StepRow[];
  readonly epochs: EpochRow[];
  readonly #events: RunEvent[] = [];
  /** Number of events that are not kept any more. */
  #forgotten = 0;
  #unsealed: Line[] = [];
  /** Text that was taken to be sealed and is not written yet. */
  #taken = "";
  #sealed: readonly HashedObject[];

  /** `former`: the rows and segments that earlier generations sealed; null for a run that begins. `clock` dates the events. */
  constructor(run: string, generation: number, clock: Pick<Clock, "date">, former: SealedLog | null = null) {
    this.#run = run;
    this.#generation = generation;
    this.#clock = clock;
    this.steps = [...(former?.steps ?? [])];
    this.epochs = [...(former?.epochs ?? [])];
    this.#sealed = former?.segments ?? [];
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
    const at = this.#clock.date().toISOString();
    const event: RunEvent = { at, level, message, fields: { ...fields } };
    this.#unsealed.push({ kind: "event", ...event });
    this.#events.push(event);
    if (this.#events.length <= keptEvents) return;
    this.#events.shift();
    this.#forgotten += 1;
  }

  /** This generation's events from number `from` on, as far as they are kept, and the number of the next one. */
  eventsFrom(from: number): { readonly events: readonly RunEvent[]; readonly next: number } {
    const events = this.#events.slice(Math.max(0, from - this.#forgotten));
    return { events, next: this.#forgotten + this.#events.length };
  }

  get curve(): Curve {
    return { format: "trainyard-curve/1", run: this.#run, epochs: this.epochs, steps: this.steps };
  }

  /** Takes what was recorded since the last seal; the rows that come while it is written go into the next. */
  takeUnsealed(): string {
    const lines = this.#unsealed.map((line) => JSON.stringify(line, keepNonFinite));
    this.#unsealed = [];
    return lines.length === 0 ? "" : `${lines.join("\n")}\n`;
  }

  /**
   * Writes one segment; returns all so far, in order. One call at a time. What can't be written stays, and goes into
   * the next segment. Errors: the store's.
   */
  async seal(store: ObjectStore, text: string): Promise<readonly HashedObject[]> {
    this.#taken += text;
    if (this.#taken === "") return this.#sealed;
    const bytes = Buffer.from(this.#taken);
    const key = runKey(this.#run, "log", `${this.#generation}-${this.#sealed.length}.jsonl`);
    await store.put(key, bytes, { contentType: "application/x-ndjson" });
    this.#taken = "";
    this.#sealed = [...this.#sealed, { key, bytes: bytes.byteLength, sha256: sha256Hex(bytes) }];
    return this.#sealed;
  }
}
