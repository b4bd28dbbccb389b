/**
 * Simulated time: events in the order of their time, and of their making where times are equal. After each event
 * everything that it set going runs until it waits for simulated time again.
 */

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly act: () => void;
}

export class Scheduler {
  /** A binary heap by (time, order). */
  readonly #heap: Entry[] = [];
  #order = 0;
  nowMs = 0;
  /** Events taken so far. */
  taken = 0;

  /** What lies in the past happens now. */
  at(atMs: number, act: () => void): void {
    this.#push({ atMs: Math.max(atMs, this.nowMs), order: this.#order, act });
    this.#order += 1;
  }

  after(ms: number, act: () => void): void {
    this.at(this.nowMs + ms, act);
  }

  get pending(): number {
    return this.#heap.length;
  }

  /** Takes events until `isDone`, until none is left, or past `untilMs`. `look` is called after each. */
  async run(untilMs: number, isDone: () => boolean, look: () => void): Promise<void> {
    while (!isDone()) {
      const next = this.#heap[0];
      if (next === undefined) return;
      if (next.atMs > untilMs) {
        this.nowMs = untilMs;
        return;
      }
      this.#pop();
      this.nowMs = next.atMs;
      this.taken += 1;
      next.act();
      await settled();
      look();
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(entry);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[at] = heap[child] as Entry;
      at = child;
    }
    heap[at] = last;
  }
}

const isBefore = (a: Entry, b: Entry) => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

const realSetImmediate = setImmediate;
/** Promises that are settled have told everyone by then: Node empties that queue before any callback of its loop. */
const settled = () => new Promise<void>((resolve) => realSetImmediate(resolve));
