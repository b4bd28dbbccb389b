/**
 * Which log segments are merged, so that their number stays bounded however many checkpoints a run writes. Eight
 * neighbours of one level become one of the next level, as in a log-structured merge tree: a line is written again four
 * times at most. A segment of half a mebibyte stays as it is, so no merge reads or hashes more than one mebibyte.
 */
import type { HashedObject } from "../shared/checkpoint.js";
import { parseSegmentKey, type SegmentSpan } from "../shared/log-segments.js";

/** Neighbours of one level that are merged. */
const fanIn = 8;
/** A segment of at least this size is not merged any more. */
const settledBytes = 512 * 1024;
/** Largest segment that a merge makes, and largest that is sealed. */
export const segmentBytes = 1024 * 1024;
/** Most segments of one merge: former generations may have thousands of small ones. */
const mostMerged = 256;

/** Segments that are to become one, in their order: positions `begin` to `end` of the list, without `end`. */
export interface Merge {
  readonly begin: number;
  readonly end: number;
  readonly span: SegmentSpan;
}

interface Candidate extends SegmentSpan {
  readonly bytes: number;
  readonly level: number;
}

/**
 * The next merge of a run's segments; null when there is none. `current`: the generation that writes. The segments of
 * former generations get no further neighbours, so those are merged whatever their level. `broken`: keys of segments
 * that could not be read.
 */
export function nextMerge(
  segments: readonly HashedObject[],
  current: number,
  broken: ReadonlySet<string> = new Set(),
): Merge | null {
  const candidates = segments.map((segment) =>
    broken.has(segment.key) ? null : candidateOf(segment, current),
  );
  for (let begin = 0; begin < candidates.length; begin += 1) {
    const first = candidates[begin];
    if (first === null || first === undefined) continue;
    const neighbours = neighboursOf(candidates.slice(begin, begin + mostMerged));
    const isMerged = first.generation === current ? neighbours.length >= fanIn : neighbours.length > 1;
    if (!isMerged) continue;
    const count = fitting(first.generation === current ? neighbours.slice(0, fanIn) : neighbours);
    const last = neighbours[count - 1] ?? first;
    return { begin, end: begin + count, span: { ...spanOf(first), last: last.last } };
  }
  return null;
}

const spanOf = ({ generation, first, last }: SegmentSpan): SegmentSpan => ({ generation, first, last });

/** Null for a segment that is large enough, or has another name than segments have. */
function candidateOf({ key, bytes }: HashedObject, current: number): Candidate | null {
  const span = parseSegmentKey(key);
  if (span === null || bytes >= settledBytes) return null;
  const sealed = span.last - span.first + 1;
  const level = span.generation === current ? Math.floor(Math.log2(sealed) / Math.log2(fanIn)) : 0;
  return { ...span, bytes, level };
}

/** The first candidate and those that follow it without a gap, of its generation and level. */
function neighboursOf(candidates: readonly (Candidate | null)[]): Candidate[] {
  const found: Candidate[] = [];
  for (const candidate of candidates) {
    const former = found.at(-1);
    if (candidate === null) break;
    const follows =
      former === undefined ||
      (candidate.generation === former.generation &&
        candidate.level === former.level &&
        candidate.first === former.last + 1);
    if (!follows) break;
    found.push(candidate);
  }
  return found;
}

/** How many of the candidates fit into one segment. */
function fitting(candidates: readonly Candidate[]): number {
  let bytes = 0;
  const end = candidates.findIndex((candidate) => {
    bytes += candidate.bytes;
    return bytes > segmentBytes;
  });
  return end === -1 ? candidates.length : end;
}
