/** A bounded number of asynchronous calls at a time: over a list, or of whoever asks. */
import { throwIfAborted } from "./retry.js";

/** Like Promise.all over `items.map(call)`, with at most `most` calls under way; the first error ends it. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  most: number,
  call: (item: Item, index: number) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result[]> {
  const results = new Array<Result>(items.length);
  let next = 0;
  let failed = false;
  const lane = async () => {
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
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
  return results;
}

/** At most `most` calls under way, whoever makes them; the others wait, in the order of asking. */
export class Semaphore {
  readonly #most: number;
  readonly #waiting: (() => void)[] = [];
  #inside = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** What `call` comes to. A call that ends, in whatever way, gives its place to the next. */
  async pass<T>(call: () => Promise<T>): Promise<T> {
    if (this.#inside === this.#most) await new Promise<void>((enter) => this.#waiting.push(enter));
    else this.#inside += 1;
    try {
      return await call();
    } finally {
      const enter = this.#waiting.shift();
      if (enter === undefined) this.#inside -= 1;
      else enter();
    }
  }
}
