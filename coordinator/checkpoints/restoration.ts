/**
 * What a run's former coordinators left, for the next one to go on from: the newest checkpoint that is whole
 * (manifest last, every object's bytes and SHA-256), the curve up to it, and why newer ones were skipped.
 */
import { type CheckpointManifest, decodeVector, parseCheckpointId } from "../../shared/checkpoint.js";
import { type Clock, realClock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import { type GenerationEntry, listGenerations } from "../../shared/generations.js";
import { listSegments } from "../../shared/log-segments.js";
import { type OptimizerSpec, runKey } from "../../shared/spec.js";
import { arePublishable } from "../../shared/statistics.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import type { Restored, SavedState } from "../core/state.js";
import type { SealedLog } from "../journal.js";
import { momentVectorsOf } from "../optimizers/registry.js";
import { sharedVector, type WholeVectors } from "../reducers/pool.js";
import { lostSamples, readLog } from "../sealed-journal.js";
import { readVerified } from "./checkpoint-manifest.js";
import { decodeState } from "./checkpoint-state.js";
import { type WrittenCheckpoint, writtenCheckpoint } from "./checkpoint-writer.js";

export interface Restoration {
  readonly restored: Restored;
  readonly vectors: WholeVectors;
  readonly log: SealedLog;
  /** The checkpoint itself and the best one, as if this coordinator had written them. */
  readonly written: ReadonlyMap<string, WrittenCheckpoint>;
  /** Checkpoints up to this one, oldest first, for the rotation. */
  readonly former: readonly string[];
}

/** `notes`: sentences on what was skipped or is incomplete. */
export interface Search {
  readonly restoration: Restoration | null;
  readonly notes: readonly string[];
  /** Checkpoints that no coordinator goes on from: interrupted ones, and those of a coordinator that was taken over. */
  readonly abandoned: readonly string[];
}

/** Where a run's checkpoints lie, and by which optimizer's names. */
interface Source {
  readonly store: ObjectStore;
  readonly run: string;
  readonly optimizer: OptimizerSpec;
  readonly clock: Pick<Clock, "sleep">;
}

/** A checkpoint of which some object is in the store. */
interface Candidate {
  readonly id: string;
  readonly generation: number;
  readonly step: number;
  readonly hasManifest: boolean;
}

/**
 * Finds what a run goes on from. Its `restoration` is null when nothing was trained yet. Errors: NOT_FOUND when there are checkpoints but none is whole, with the reason for
 * each; the store's.
 */
export async function findRestoration(
  store: ObjectStore,
  run: string,
  optimizer: OptimizerSpec,
  clock: Pick<Clock, "sleep"> = realClock,
): Promise<Search> {
  const source = { store, run, optimizer, clock };
  const { candidates, lastOwner, abandoned } = await listCandidates(store, run);
  const notes: string[] = [];
  for (const candidate of candidates) {
    const found = await readWhole(source, candidate).catch((error: unknown) => {
      notes.push(`checkpoint ${candidate.id} is skipped: ${reasonOf(error)}`);
      return null;
    });
    if (found === null) continue;
    const older = candidates.slice(candidates.indexOf(candidate));
    return await complete(source, found, { candidates: older, lastOwner, abandoned }, notes);
  }
  // A checkpoint 0 whose manifest was never written: no step rests on it.
  if (candidates.every(({ step, hasManifest }) => step === 0 && !hasManifest)) {
    return { restoration: null, notes, abandoned };
  }
  const sentence = `the run ${run} has checkpoints in ${store.url}, but none is whole: ${notes.join("; ")}`;
  throw new TrainyardError("NOT_FOUND", sentence);
}

/** What only says that this one can't be used; anything else (an unreachable store) ends the search. */
function reasonOf(error: unknown): string {
  if (error instanceof TrainyardError && (error.code === "DAMAGED" || error.code === "NOT_FOUND")) {
    return error.message;
  }
  throw error;
}

/** What the store holds of a run. */
interface Candidates {
  /** Newest first: by generation, then by step. What is not in the run's line, if that is known, counts for nothing. */
  readonly candidates: readonly Candidate[];
  /** The newest generation that went on from something; null when the store knows of none. */
  readonly lastOwner: number | null;
  /** Checkpoints that are interrupted or not in the run's line. */
  readonly abandoned: readonly string[];
}

async function listCandidates(store: ObjectStore, run: string): Promise<Candidates> {
  const prefix = runKey(run, "checkpoints/");
  const manifests = new Map<string, boolean>();
  for await (const { key } of store.list(prefix)) {
    const [id = "", file] = key.slice(prefix.length).split("/");
    manifests.set(id, manifests.get(id) === true || file === "manifest.json");
  }
  const line = lineOf(await listGenerations(store, run));
  const found = [...manifests].flatMap(([id, hasManifest]) => {
    const parts = parseCheckpointId(id);
    return parts === null ? [] : [{ id, hasManifest, ...parts }];
  });
  const isInLine = ({ generation, step }: Candidate) =>
    line.size === 0 || step <= (line.get(generation) ?? -1);
  return {
    candidates: found.filter(isInLine).sort((a, b) => b.generation - a.generation || b.step - a.step),
    lastOwner: line.size === 0 ? null : Math.max(...line.keys()),
    abandoned: found.filter((one) => !one.hasManifest || !isInLine(one)).map(({ id }) => id),
  };
}

/**
 * The generations that the run rests on, each with the last of its steps that counts: the newest with all that it
 * wrote, the one whose checkpoint it went on from up to that checkpoint, and so on. A coordinator that was taken over
 * may have written more, and one that never came to go on from anything is not in the line at all. Empty when the
 * store knows of no start.
 */
function lineOf(entries: readonly GenerationEntry[]): ReadonlyMap<number, number> {
  const starts = new Map<number, string | null>();
  for (const entry of entries) {
    if (entry.tag === "owner" && entry.record.from !== undefined)
      starts.set(entry.generation, entry.record.from);
  }
  const line = new Map<number, number>();
  let generation = Math.max(0, ...starts.keys());
  let lastStep = Number.POSITIVE_INFINITY;
  while (generation > 0 && !line.has(generation)) {
    line.set(generation, lastStep);
    const from = starts.get(generation);
    const parts = from == null ? null : parseCheckpointId(from);
    if (parts === null) break;
    [generation, lastStep] = [parts.generation, parts.step];
  }
  return line;
}

interface WholeCheckpoint {
  readonly manifest: CheckpointManifest;
  readonly layout: Restored["layout"];
  readonly saved: SavedState;
  readonly vectors: WholeVectors;
}

/** Errors: NOT_FOUND and DAMAGED, with a reason, when this checkpoint can't be used; the store's. */
async function readWhole({ store, run, optimizer }: Source, candidate: Candidate): Promise<WholeCheckpoint> {
  if (!candidate.hasManifest) {
    throw new TrainyardError("NOT_FOUND", "it has no manifest (its coordinator ended while it was written)");
  }
  const checkpoint = await readVerified(store, run, candidate.id);
  const state = checkpoint.file("state.json");
  const { layout, saved } = decodeState(state.bytes, state.key);
  if (!arePublishable(layout, saved.progress.statistics))
    throw new TrainyardError("DAMAGED", "its batch-norm statistics are not finite");
  if (saved.progress.optimizer.name !== optimizer.name)
    throw new TrainyardError("DAMAGED", `${state.key} is not of the run's optimizer, ${optimizer.name}`);
  const vector = (name: string) => {
    const { bytes, key } = checkpoint.file(name);
    const values = decodeVector(layout, bytes, key, sharedVector(layout.parameterCount));
    if (values.every(Number.isFinite)) return values;
    throw new TrainyardError("DAMAGED", `${name} holds values that are not finite`);
  };
  const vectors = {
    weights: vector("weights.safetensors"),
    moments: momentVectorsOf(optimizer).map(({ file }) => vector(file)),
  };
  return { manifest: checkpoint.manifest, layout, saved, vectors };
}

/** `candidates`: the one that was found, and all older ones. `notes` gets a sentence for each part that is missing. */
async function complete(
  { store, run, clock }: Source,
  found: WholeCheckpoint,
  { candidates, lastOwner, abandoned }: Candidates,
  notes: string[],
): Promise<Search> {
  const { manifest, layout, vectors } = found;
  const { progress } = found.saved;
  const { generation } = candidates[0] as Candidate;
  const best = await readBest({ store, run }, found, notes);
  const saved = { ...found.saved, bestCheckpoint: best?.checkpoint ?? null };
  const source = { store, run, clock, listed: await listSegments(store, run) };
  const { log, damaged } = await readLog(source, manifest.log, progress);
  notes.push(...damaged);
  const owner = lastOwner ?? generation;
  const redone = await lostSamples(source, { log: manifest.log, owner, step: progress.step });
  const written = [manifest, ...(best === null ? [] : [best])];
  const former = candidates.filter(({ hasManifest }) => hasManifest);
  return {
    notes,
    abandoned,
    restoration: {
      restored: { checkpoint: manifest.checkpoint, layout, saved, redone },
      vectors,
      log,
      written: new Map(written.map(({ checkpoint, objects }) => [checkpoint, writtenCheckpoint(objects)])),
      former: former.map(({ id }) => id).reverse(),
    },
  };
}

/** The best checkpoint's manifest; null, with a note, when that one can't be exported any more. */
async function readBest(
  { store, run }: Pick<Source, "store" | "run">,
  { manifest, saved: { bestCheckpoint: best } }: WholeCheckpoint,
  notes: string[],
): Promise<CheckpointManifest | null> {
  if (best === null) return null;
  if (best === manifest.checkpoint) return manifest;
  try {
    return (await readVerified(store, run, best)).manifest;
  } catch (error) {
    notes.push(
      `the best checkpoint so far, ${best}, can't be exported any more: ${reasonOf(error)}; without a better epoch the last weights are exported`,
    );
    return null;
  }
}
