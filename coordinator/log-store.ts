/**
 * The log segments of a run in the store: those that the next checkpoint's manifest names, and those that a merge made
 * superfluous. Segments are immutable. A superfluous one is deleted only after a manifest that names its successor was
 * written, so the newest whole checkpoint never lacks one.
 */
import type { HashedObject } from "../shared/checkpoint.js";
import { mapBounded } from "../shared/concurrency.js";
import { TrainyardError } from "../shared/errors.js";
import { covers, type ListedSegment, parseSegmentKey, segmentKey } from "../shared/log-segments.js";
import { getHashed, sha256Hex } from "../shared/store/hashed.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type Merge, nextMerge } from "./log-merging.js";

/** Segments that are read at a time. */
export const readsAtATime = 16;
/** Segments that one call of `tidy` reads at most: a run of an older version may have thousands. */
const mostReadByTidy = 256;

/** Writes, merges and deletes a run's log segments. One call at a time. */
export class LogStore {
  readonly #run: string;
  readonly #generation: number;
  #segments: readonly HashedObject[];
  #superfluous: readonly string[];
  /** Number of this generation's next segment. */
  #next = 0;
  /** Segments that could not be read: they are not merged. */
  readonly #broken = new Set<string>();

  /** `former`: what earlier generations left; `superfluous`: segments in the store that one of `former` covers. */
  constructor(
    run: string,
    generation: number,
    former: { readonly segments: readonly HashedObject[]; readonly superfluous: readonly string[] },
  ) {
    this.#run = run;
    this.#generation = generation;
    this.#segments = former.segments;
    this.#superfluous = former.superfluous;
  }

  /** All segments, in their order: what a manifest names. */
  get segments(): readonly HashedObject[] {
    return this.#segments;
  }

  /** Writes one segment. Errors: the store's; the segment does not count then. */
  async add(store: ObjectStore, text: string): Promise<void> {
    const span = { generation: this.#generation, first: this.#next, last: this.#next };
    const segment = await put(store, segmentKey(this.#run, span), Buffer.from(text));
    this.#next += 1;
    this.#segments = [...this.#segments, segment];
  }

  /**
   * Deletes superfluous segments, then merges others. It must be called after a manifest that names all `segments` was
   * written. Errors: the store's; the next call goes on.
   */
  async tidy(store: ObjectStore): Promise<void> {
    for (const key of this.#superfluous) {
      await store.delete(key);
      this.#superfluous = this.#superfluous.filter((other) => other !== key);
    }
    for (let read = 0; read < mostReadByTidy; ) {
      const merge = nextMerge(this.#segments, this.#generation, this.#broken);
      if (merge === null) return;
      await this.#merge(store, merge);
      read += merge.end - merge.begin;
    }
  }

  async #merge(store: ObjectStore, { begin, end, span }: Merge): Promise<void> {
    const parts = this.#segments.slice(begin, end);
    const bodies = await mapBounded(parts, readsAtATime, (part) => this.#read(store, part));
    const whole = bodies.filter((body) => body !== null);
    if (whole.length < parts.length) return; // one is broken: the next merge leaves it out
    const merged = await put(store, segmentKey(this.#run, span), Buffer.concat(whole));
    this.#segments = [...this.#segments.slice(0, begin), merged, ...this.#segments.slice(end)];
    this.#superfluous = [...this.#superfluous, ...parts.map(({ key }) => key)];
  }

  /** The segment's bytes; null when they are missing or damaged, which is remembered. */
  async #read(store: ObjectStore, segment: HashedObject): Promise<Uint8Array | null> {
    try {
      return await getHashed(store, segment.key, segment);
    } catch (error) {
      if (!isBroken(error)) throw error;
      this.#broken.add(segment.key);
      return null;
    }
  }
}

/** True for the error of a segment that is missing or damaged, and not of a store that is away. */
export const isBroken = (error: unknown): boolean =>
  error instanceof TrainyardError && (error.code === "DAMAGED" || error.code === "NOT_FOUND");

/** Keys of listed segments that a segment of the manifest covers, so that nothing needs them. */
export function superfluousOf(
  listed: readonly ListedSegment[],
  segments: readonly HashedObject[],
): readonly string[] {
  const named = new Set(segments.map(({ key }) => key));
  const spans = segments.flatMap(({ key }) => parseSegmentKey(key) ?? []);
  return listed
    .filter((inner) => !named.has(inner.key) && spans.some((outer) => covers(outer, inner)))
    .map(({ key }) => key);
}

async function put(store: ObjectStore, key: string, bytes: Uint8Array): Promise<HashedObject> {
  await store.put(key, bytes, { contentType: "application/x-ndjson" });
  return { key, bytes: bytes.byteLength, sha256: sha256Hex(bytes) };
}
