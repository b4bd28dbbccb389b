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

/** How much of the work each worker holds; one pass, whatever the number of workers. */
export function heldBy(
  work: readonly { readonly tag: string; readonly worker?: string }[],
): Map<string, number> {
  const held = new Map<string, number>();
  for (const { tag, worker } of work) {
    if (tag === "assigned" && worker !== undefined) held.set(worker, (held.get(worker) ?? 0) + 1);
  }
  return held;
}

/** Workers by the work they already hold, then by the given order. */
export function leastLoadedFirst(
  workers: readonly string[],
  held: ReadonlyMap<string, number>,
): readonly string[] {
  if (held.size === 0) return workers;
  return workers
    .map((worker, order) => ({ worker, order, held: held.get(worker) ?? 0 }))
    .sort((a, b) => a.held - b.held || a.order - b.order)
    .map((entry) => entry.worker);
}

/** The first of the least loaded ones. */
export function leastLoaded(
  workers: readonly string[],
  held: ReadonlyMap<string, number>,
): string | undefined {
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const worker of workers) {
    const load = held.get(worker) ?? 0;
    if (load < least) [best, least] = [worker, load];
  }
  return best;
}
