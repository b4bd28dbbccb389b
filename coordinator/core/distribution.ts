/** Who gets what: contiguous shares of open lanes or blocks, the least loaded workers first. */

/**
 * Splits `items` (in order) into contiguous shares over `workers` (in order of preference): each gets the
 * floor of the mean, the first ones one more. Workers left without a share are spares.
 */
export function shares<T>(items: readonly T[], workers: readonly string[]): Map<string, T[]> {
  const given = new Map<string, T[]>();
  if (workers.length === 0) return given;
  const base = Math.floor(items.length / workers.length);
  const extra = items.length % workers.length;
  let at = 0;
  workers.forEach((worker, index) => {
    const size = base + (index < extra ? 1 : 0);
    if (size > 0) given.set(worker, items.slice(at, at + size));
    at += size;
  });
  return given;
}

/** Workers by the work they already hold, then by the given order. */
export function leastLoadedFirst(workers: readonly string[], load: (worker: string) => number): string[] {
  return workers
    .map((worker, order) => ({ worker, order, held: load(worker) }))
    .sort((a, b) => a.held - b.held || a.order - b.order)
    .map((entry) => entry.worker);
}
