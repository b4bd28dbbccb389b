/**
 * The queue of a standing coordinator. It lies in the store, so that it survives a restart. This class changes it, one
 * change at a time, and keeps a copy of the entries.
 */
import { type QueueEntry, queueKey, queueNumbers, readQueue } from "../../shared/queue.js";
import { encodeDocument } from "../../shared/store/document.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { putOnce } from "../../shared/store/put-once.js";

type Submission = Omit<QueueEntry, "number">;

/** The queue of runs of one store. */
export class RunQueue {
  readonly #store: ObjectStore;
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

  /** In order, the head first, as of the last change or look. */
  get entries(): readonly QueueEntry[] {
    return this.#entries;
  }

  find(run: string): QueueEntry | undefined {
    return this.#entries.find((entry) => entry.run === run);
  }

  /** How many runs come before it; null: it is not in the queue. */
  ahead(run: string): number | null {
    const index = this.#entries.findIndex((entry) => entry.run === run);
    return index < 0 ? null : index;
  }

  /** Looks at the store. Errors: DAMAGED, the store's. */
  async look(): Promise<readonly QueueEntry[]> {
    return await this.#oneAtATime(() => this.#look());
  }

  /** Behind all others, or where it stands already. Twice is the same. Errors: the store's. */
  async add(submission: Submission): Promise<QueueEntry> {
    return await this.#oneAtATime(async () => {
      await this.#look();
      const there = this.find(submission.run);
      if (there !== undefined) return there;
      const entry = await this.#create(submission);
      this.#know([...this.#entries, entry]);
      return entry;
    });
  }

  /** Twice is the same. Errors: the store's. */
  async remove(run: string): Promise<void> {
    await this.#oneAtATime(async () => {
      for (const { number } of (await this.#look()).filter((entry) => entry.run === run)) {
        await this.#store.delete(queueKey(number));
      }
      this.#know(this.#entries.filter((entry) => entry.run !== run));
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
    for (let number = ((await queueNumbers(this.#store)).at(-1) ?? 0) + 1; ; number += 1) {
      const entry: QueueEntry = { ...submission, number } as QueueEntry;
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
