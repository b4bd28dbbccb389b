/**
 * Who gets what: contiguous ranges of lanes or blocks, sized by what each worker holds already and by its speed.
 * Values in, values out; who is asked and who is told is decided elsewhere.
 */

/** A worker that may be given work. */
export interface Candidate {
  readonly id: string;
  /** Pieces that it holds already. */
  readonly held: number;
  /** What a piece takes it; null = unknown, taken for typical. */
  readonly pieceMs: number | null;
}

/** Machines this near to one another are taken for equal: noise must not move lanes. */
const equalWithin = 1.25;

/**
 * Splits `items` (in order) into contiguous ranges over the candidates (in order of preference), so that the last one
 * is done as early as possible: each piece goes to the candidate that would finish it first. Equal workers get equal
 * shares, the first ones one more. Workers left without a share are spares. Cost: items x candidates.
 */
export function divide<T>(items: readonly T[], candidates: readonly Candidate[]): Map<string, T[]> {
  const counts = countsOf(items.length, candidates);
  const given = new Map<string, T[]>();
  let at = 0;
  candidates.forEach(({ id }, index) => {
    const size = counts[index] ?? 0;
    if (size > 0) given.set(id, items.slice(at, at + size));
    at += size;
  });
  return given;
}

function countsOf(items: number, candidates: readonly Candidate[]): number[] {
  const counts = candidates.map(() => 0);
  if (candidates.length === 0) return counts;
  const paces = pacesOf(candidates);
  const isEven = paces.every((pace) => pace === 1) && candidates.every(({ held }) => held === 0);
  if (isEven) return evenCounts(items, candidates.length);
  for (let piece = 0; piece < items; piece += 1) {
    let best = 0;
    let earliest = Number.POSITIVE_INFINITY;
    candidates.forEach(({ held }, index) => {
      const doneAt = (held + (counts[index] as number) + 1) * (paces[index] as number);
      if (doneAt < earliest) [best, earliest] = [index, doneAt];
    });
    counts[best] = (counts[best] as number) + 1;
  }
  return counts;
}

function evenCounts(items: number, workers: number): number[] {
  const [base, extra] = [Math.floor(items / workers), items % workers];
  return Array.from({ length: workers }, (_, index) => base + (index < extra ? 1 : 0));
}

/** Relative times of a piece: 1 for everybody who is about as fast as the fastest. */
function pacesOf(candidates: readonly Candidate[]): number[] {
  const known = candidates.flatMap(({ pieceMs }) => (pieceMs === null ? [] : [pieceMs]));
  const typical = median(known) ?? 1;
  const fastest = Math.max(
    known.reduce((least, time) => Math.min(least, time), typical),
    Number.MIN_VALUE,
  );
  const times = candidates.map(({ pieceMs }) => pieceMs ?? typical);
  return times.map((time) => (time <= fastest * equalWithin ? 1 : time / fastest));
}

/** When the last worker is done with such a division, in units of the fastest worker's piece. */
export function makespan(counts: ReadonlyMap<string, number>, candidates: readonly Candidate[]): number {
  const paces = pacesOf(candidates);
  return candidates.reduce(
    (most, { id }, index) => Math.max(most, (counts.get(id) ?? 0) * (paces[index] as number)),
    0,
  );
}

/** The lower of the two in the middle; undefined without values. */
export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}

/** How much of the work each worker holds; one pass, whatever the number of workers. */
export function heldBy(
  work: readonly { readonly tag: string; readonly holders?: readonly { readonly worker: string }[] }[],
): Map<string, number> {
  const held = new Map<string, number>();
  for (const { tag, holders } of work) {
    if (tag !== "assigned") continue;
    for (const { worker } of holders ?? []) held.set(worker, (held.get(worker) ?? 0) + 1);
  }
  return held;
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
