/**
 * The journal of a run: its curve and its events. It keeps the curve for pages and the newest events for followers, and
 * seals every line into immutable segments of the log at each checkpoint, whose manifest names the segments.
 */
import type { HashedObject } from "../shared/checkpoint.js";
import type { Clock } from "../shared/clock.js";
import { type EpochRow, keepNonFinite, type StepRow } from "../shared/curve.js";
import type { RunEvent } from "../shared/run-events.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { CurveRecord } from "./curve/curve-record.js";
import { segmentBytes } from "./log-merging.js";
import { LogStore } from "./log-store.js";

type Line =
  | ({ readonly kind: "step" } & StepRow)
  | ({ readonly kind: "epoch" } & EpochRow)
  | ({ readonly kind: "event" } & RunEvent);

/** How many of the newest events are kept in memory for followers, whether they were sealed or not. */
const keptEvents = 10_000;

/** What former coordinators left: the curve up to the checkpoint, and the segments that hold it. */
export interface SealedLog {
  readonly curve: CurveRecord;
  readonly segments: readonly HashedObject[];
  /** Keys of segments in the store that one of `segments` covers. */
  readonly superfluous: readonly string[];
}

/** The curve and the events of a run, in memory and in sealed segments. */
export class Journal {
  readonly #clock: Pick<Clock, "date">;
  readonly #log: LogStore;
  readonly curve: CurveRecord;
  readonly #events: RunEvent[] = [];
  /** Number of events that are not kept any more. */
  #forgotten = 0;
  /** Lines since the last seal, in texts of at most `segmentBytes` characters each. */
  #unsealed: string[] = [];
  /** Texts that were taken to be sealed and are not written yet. */
  #taken: readonly string[] = [];

  /** `former`: what earlier generations left; null for a run that begins. `clock` dates the events. */
  constructor(run: string, generation: number, clock: Pick<Clock, "date">, former: SealedLog | null = null) {
    this.#clock = clock;
    this.curve = former?.curve ?? new CurveRecord(run);
    this.#log = new LogStore(run, generation, former ?? { segments: [], superfluous: [] });
  }

  step(row: StepRow): void {
    this.curve.addStep(row);
    this.#write({ kind: "step", ...row });
  }

  epoch(row: EpochRow): void {
    this.curve.addEpoch(row);
    this.#write({ kind: "epoch", ...row });
  }

  event(level: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const at = this.#clock.date().toISOString();
    const event: RunEvent = { at, level, message, fields: { ...fields } };
    this.#write({ kind: "event", ...event });
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

  /** Takes what was recorded since the last seal; the rows that come while it is written go into the next. */
  takeUnsealed(): readonly string[] {
    const texts = this.#unsealed;
    this.#unsealed = [];
    return texts;
  }

  /**
   * Writes one segment for each text; returns all segments so far, in order. One call at a time. What can't be written
   * stays, and goes into the next seal. Errors: the store's.
   */
  async seal(store: ObjectStore, texts: readonly string[]): Promise<readonly HashedObject[]> {
    this.#taken = joinTexts([...this.#taken, ...texts]);
    for (const text of this.#taken) {
      await this.#log.add(store, text);
      this.#taken = this.#taken.slice(1);
    }
    return this.#log.segments;
  }

  /** Merges segments, so that their number stays bounded. See LogStore.tidy for when it may be called. Errors: the store's. */
  async tidy(store: ObjectStore): Promise<void> {
    await this.#log.tidy(store);
  }

  /** Lines become text at once, so that a checkpoint after many steps does not hold the thread for all of them. */
  #write(line: Line): void {
    const text = `${JSON.stringify(line, keepNonFinite)}\n`;
    const last = this.#unsealed.length - 1;
    const former = this.#unsealed[last];
    if (former === undefined || former.length + text.length > segmentBytes) this.#unsealed.push(text);
    else this.#unsealed[last] = former + text;
  }
}

/** Joins neighbours that fit into one segment. */
function joinTexts(texts: readonly string[]): readonly string[] {
  const joined: string[] = [];
  for (const text of texts) {
    const former = joined.at(-1);
    if (former === undefined || former.length + text.length > segmentBytes) joined.push(text);
    else joined[joined.length - 1] = former + text;
  }
  return joined;
}
