/**
 * `runs/<run>/generations/<g>.json`: who owns a run. Each number is created by exactly one writer: a coordinator that
 * takes the run, or the last one that closes it. So of a coordinator that finishes and one that takes over exactly
 * one succeeds. Reading only; taking and renewing is the coordinator's (coordinator/ownership).
 */
import { z } from "zod";
import { runKey } from "./spec.js";
import { SpecChanges } from "./spec-changes.js";
import { readJson } from "./store/document.js";
import type { ObjectStore } from "./store/object-store.js";

/** A coordinator that took the run. Its owner alone rewrites it. */
export const GenerationRecord = z.looseObject({
  generation: z.number().int().positive(),
  /** gRPC, `host:port`. */
  address: z.string(),
  /** HTTP, `host:port`; HTTPS: `https://host:port`. */
  http: z.string(),
  /** Name of its machine: a loopback address says nothing on another one. */
  host: z.string().optional(),
  startedAt: z.string(),
  /** Counts up while it lives. */
  renewals: z.number().int().nonnegative().default(0),
  /** The checkpoint that it went on from; null = it began the run; absent = it has not come so far. */
  from: z.string().nullable().optional(),
  /** Changes of the spec by this coordinator and all former ones. */
  changes: SpecChanges.default({}),
});
export type GenerationRecord = z.infer<typeof GenerationRecord>;

/**
 * The record that closes a finished run: generation `closes` has published the result. It is never rewritten, and no
 * coordinator takes the run after it.
 */
export const ClosingRecord = z.looseObject({
  generation: z.number().int().positive(),
  closes: z.number().int().positive(),
  /** Below `runs/<run>/`: empty, or `published/<closes>/`. */
  published: z.string(),
  changes: SpecChanges.default({}),
});
export type ClosingRecord = z.infer<typeof ClosingRecord>;

/** What lies under a generation number. */
export type GenerationEntry =
  | { readonly tag: "owner"; readonly generation: number; readonly record: GenerationRecord }
  | { readonly tag: "closed"; readonly generation: number; readonly record: ClosingRecord }
  /** The object is no record of this format. */
  | { readonly tag: "unreadable"; readonly generation: number };

/** The key of a generation number's record. */
export const generationKey = (run: string, generation: number) =>
  runKey(run, "generations", `${generation}.json`);

/** Every number that was taken, ascending. Errors: the store's. */
export async function listGenerationNumbers(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<number[]> {
  const prefix = runKey(run, "generations/");
  const numbers: number[] = [];
  for await (const { key } of store.list(prefix, signal === undefined ? {} : { signal })) {
    const digits = /^(\d+)\.json$/.exec(key.slice(prefix.length))?.[1];
    if (digits !== undefined && Number(digits) > 0) numbers.push(Number(digits));
  }
  return numbers.sort((a, b) => a - b);
}

/** Reads the record of a generation number; null when no coordinator has taken it. Errors: the store's. */
export async function readGeneration(
  store: ObjectStore,
  run: string,
  generation: number,
  signal?: AbortSignal,
): Promise<GenerationEntry | null> {
  const value = await readJson(store, generationKey(run, generation), signal).catch((error: unknown) => {
    if (isDamaged(error)) return { generation };
    throw error;
  });
  if (value === null) return null;
  const closing = ClosingRecord.safeParse(value);
  if (closing.success) return { tag: "closed", generation, record: closing.data };
  const owner = GenerationRecord.safeParse(value);
  return owner.success ? { tag: "owner", generation, record: owner.data } : { tag: "unreadable", generation };
}

const isDamaged = (error: unknown) => error instanceof Error && "code" in error && error.code === "DAMAGED";

/** Every one, ascending. Errors: the store's. */
export async function listGenerations(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<GenerationEntry[]> {
  const entries: GenerationEntry[] = [];
  for (const generation of await listGenerationNumbers(store, run, signal)) {
    const entry = await readGeneration(store, run, generation, signal);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

/** The highest that was taken; null before the first. Errors: the store's. */
export async function newestGeneration(
  store: ObjectStore,
  run: string,
  signal?: AbortSignal,
): Promise<GenerationEntry | null> {
  const numbers = await listGenerationNumbers(store, run, signal);
  // One that was given back between the two calls leaves the one below it.
  for (const generation of numbers.reverse()) {
    const entry = await readGeneration(store, run, generation, signal);
    if (entry !== null) return entry;
  }
  return null;
}

/**
 * The highest from `generation` on, by reading one number after another until one is missing, for workers, which may not
 * list. Null when `generation` is missing. Errors: the store's.
 */
export async function newestGenerationFrom(
  store: ObjectStore,
  run: string,
  generation: number,
  signal?: AbortSignal,
): Promise<GenerationEntry | null> {
  let newest: GenerationEntry | null = null;
  for (let number = generation; ; number += 1) {
    const entry = await readGeneration(store, run, number, signal);
    if (entry === null) return newest;
    newest = entry;
  }
}

/** True when both are records of one coordinator's life, however often it was renewed meanwhile. */
export const isSameOwner = (a: GenerationRecord, b: GenerationRecord) =>
  a.generation === b.generation &&
  a.startedAt === b.startedAt &&
  a.address === b.address &&
  a.http === b.http &&
  a.host === b.host;

/** What those who went on with the run have changed in its spec so far. */
export const changesOf = (entry: GenerationEntry | null): SpecChanges =>
  entry === null || entry.tag === "unreadable" ? {} : entry.record.changes;
