/**
 * Limits on how many asynchronous calls run at the same time, over a list or for a shared resource, and on how long a list
 * holds its thread.
 */
import type { Clock } from "./clock.js";
import { throwIfAborted } from "./retry.js";

/**
 * Calls `call` for every item, at most `most` calls at a time, and returns the results in the order of the items. The
 * first error rejects the promise; calls that have begun run on, no further ones begin.
 */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  most: number,
  call: (item: Item, index: number) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  let failed = false;
  const runner = async () => {
    while (next < items.length && !failed) {
      throwIfAborted(signal, "a batch of files");
      const index = next++;
      try {
        results[index] = await call(items[index] as Item, index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, runner));
  return results;
}

/**
 * The items in groups of `most`, in their order. Between two groups other work of this thread has its turn. A list that
 * fits into one group is given without any pause.
 */
export async function* inTurns<Item>(
  items: Iterable<Item>,
  most: number,
  clock: Pick<Clock, "sleep">,
): AsyncGenerator<readonly Item[]> {
  let group: Item[] = [];
  for (const item of items) {
    if (group.length === most) {
      yield group;
      group = [];
      await clock.sleep(0);
    }
    group.push(item);
  }
  if (group.length > 0) yield group;
}

/** Lets at most `most` calls run at a time. Further calls wait and start in the order in which they were made. */
export class Semaphore {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Runs `call` when there is room and returns its result. When it returns or throws, the next waiting call starts. */
  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#running === this.#most) await new Promise<void>((start) => this.#waiting.push(start));
    else this.#running += 1;
    try {
      return await call();
    } finally {
      const startNext = this.#waiting.shift();
      if (startNext === undefined) this.#running -= 1;
      else startNext();
    }
  }
}
