/**
 * The queue of a standing coordinator. It lies in the store, so that it survives a restart. This class changes it, one
 * change at a time, and keeps a copy of the entries. An entry is removed by its identity, because a run that ends may have
 * been handed in again meanwhile.
 */
import { randomUUID } from "node:crypto";
import { isSameEntry, type QueueEntry, queueKey, queueNumbers, readQueue } from "../../shared/queue.js";
import { encodeDocument } from "../../shared/store/document.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { putOnce } from "../../shared/store/put-once.js";

type Submission = Omit<QueueEntry, "number" | "id">;

/** The queue of runs of one store. */
export class RunQueue {
  #store: ObjectStore;
  readonly #onChange: (runs: number) => void;
  #entries: readonly QueueEntry[] = [];
  /** The last of the changes under way. */
  #last: Promise<unknown> = Promise.resolve();
  #wake: () => void = () => undefined;

  /** `onChange` is called with the number of runs in the queue, the current one included. */
  constructor(store: ObjectStore, onChange: (runs: number) => void = () => undefined) {
    this.#store = store;
    this.#onChange = onChange;
  }

  /** Uses this view of the store from now on: one that refuses writes once another coordinator serves the queue. */
  guardBy(store: ObjectStore): void {
    this.#store = store;
  }

  /** In order, the head first, as of the last change or look. */
  get entries(): readonly QueueEntry[] {
    return this.#entries;
  }

  /** The first entry of a run; `besides` does not count. */
  find(run: string, besides: QueueEntry | null = null): QueueEntry | undefined {
    return this.#entries.find((entry) => isOther(entry, run, besides));
  }

  /** How many runs come before this one; `besides` does not count as an entry of the run. Null: it is not in the queue. */
  ahead(run: string, besides: QueueEntry | null = null): number | null {
    const index = this.#entries.findIndex((entry) => isOther(entry, run, besides));
    return index < 0 ? null : index;
  }

  /** True while this very entry is in the queue. */
  has(entry: QueueEntry): boolean {
    return this.#entries.some((one) => isSameEntry(one, entry));
  }

  /** Looks at the store. Errors: DAMAGED, the store's. */
  async look(): Promise<readonly QueueEntry[]> {
    return await this.#oneAtATime(() => this.#look());
  }

  /**
   * Adds a run behind all others, or leaves it where it is already. `besides` is an entry that is about to leave the
   * queue, and does not count as being there. Twice is the same. Errors: the store's.
   */
  async add(submission: Submission, besides: QueueEntry | null = null): Promise<QueueEntry> {
    return await this.#oneAtATime(async () => {
      await this.#look();
      const there = this.find(submission.run, besides);
      if (there !== undefined) return there;
      const entry = await this.#create(submission);
      this.#know([...this.#entries, entry]);
      return entry;
    });
  }

  /** Removes this very entry. Twice is the same. Errors: the store's. */
  async remove(entry: QueueEntry): Promise<void> {
    await this.#oneAtATime(async () => {
      await this.#look();
      if (this.has(entry)) await this.#store.delete(queueKey(entry.number));
      this.#know(this.#entries.filter((one) => !isSameEntry(one, entry)));
    });
  }

  /** Resolves as soon as there is an entry, or when the signal aborts. */
  async untilAny(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#entries.length > 0) return;
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        signal.removeEventListener("abort", this.#wake);
        resolve();
      };
      signal.addEventListener("abort", this.#wake, { once: true });
    });
  }

  async #look(): Promise<readonly QueueEntry[]> {
    this.#know(await readQueue(this.#store));
    return this.#entries;
  }

  /**
   * Creates an entry with the number after the last one. When another process creates that number first, the next is
   * tried.
   */
  async #create(submission: Submission): Promise<QueueEntry> {
    const id = randomUUID();
    for (let number = ((await queueNumbers(this.#store)).at(-1) ?? 0) + 1; ; number += 1) {
      const entry: QueueEntry = { number, id, ...submission };
      const options = { contentType: "application/json" };
      const created = await putOnce(this.#store, queueKey(number), encodeDocument(entry), options);
      if (created !== "other") return entry;
    }
  }

  #know(entries: readonly QueueEntry[]): void {
    this.#entries = entries;
    this.#onChange(entries.length);
    this.#wake();
  }

  async #oneAtATime<T>(call: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(call);
    this.#last = mine.catch(() => undefined); // its caller sees the error
    return await mine;
  }
}

const isOther = (entry: QueueEntry, run: string, besides: QueueEntry | null) =>
  entry.run === run && (besides === null || !isSameEntry(entry, besides));
