/** A bounded number of asynchronous calls at a time over a list, in order of their results. */
import { throwIfAborted } from "../shared/retry.js";

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
