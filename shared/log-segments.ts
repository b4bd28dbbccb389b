/**
 * Names of a run's log segments: `log/<generation>-<n>.jsonl` as a coordinator sealed it, `log/<generation>-<first>-<last>.jsonl`
 * for several of one generation merged into one. A merged segment has every line of those that it covers, so a covered
 * one that is still there is not read.
 */
import { runKey } from "./spec.js";
import type { ObjectStore } from "./store/object-store.js";

/** What a segment's name says: the numbers `first` to `last` of a generation, both included. */
export interface SegmentSpan {
  readonly generation: number;
  readonly first: number;
  readonly last: number;
}

/** A segment of a run's log that is in the store. */
export interface ListedSegment extends SegmentSpan {
  readonly key: string;
}

/** The key of a segment. */
export function segmentKey(run: string, { generation, first, last }: SegmentSpan): string {
  const numbers = first === last ? `${first}` : `${first}-${last}`;
  return runKey(run, "log", `${generation}-${numbers}.jsonl`);
}

/** What the key of a segment says; null when it is no segment's. */
export function parseSegmentKey(key: string): SegmentSpan | null {
  const [, generation, first, last = first] = /\/log\/(\d+)-(\d+)(?:-(\d+))?\.jsonl$/.exec(key) ?? [];
  if (generation === undefined) return null;
  return { generation: Number(generation), first: Number(first), last: Number(last) };
}

/** True when every line of `inner` is in `outer` too. A segment covers itself. */
export const covers = (outer: SegmentSpan, inner: SegmentSpan): boolean =>
  outer.generation === inner.generation && outer.first <= inner.first && inner.last <= outer.last;

/** The segments of a run that are in the store, in the order in which they were written. Errors: the store's. */
export async function listSegments(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<ListedSegment[]> {
  const found: ListedSegment[] = [];
  for await (const { key } of store.list(runKey(run, "log/"), signal === undefined ? {} : { signal })) {
    const span = parseSegmentKey(key);
    if (span !== null) found.push({ key, ...span });
  }
  return found.sort((a, b) => a.generation - b.generation || a.first - b.first || b.last - a.last);
}

/** The listed segments without those that another one covers. Their order must be that of `listSegments`. */
export function outermost(segments: readonly ListedSegment[]): ListedSegment[] {
  const kept: ListedSegment[] = [];
  for (const segment of segments) {
    const former = kept.at(-1);
    if (former === undefined || !covers(former, segment)) kept.push(segment);
  }
  return kept;
}
