/** The log segments of former coordinators: the curve up to a checkpoint, and what was committed after it. */
import type { HashedObject } from "../shared/checkpoint.js";
import type { Clock } from "../shared/clock.js";
import { inTurns, mapBounded } from "../shared/concurrency.js";
import { EpochRow, StepRow } from "../shared/curve.js";
import { covers, type ListedSegment, outermost, parseSegmentKey } from "../shared/log-segments.js";
import { getIfThere } from "../shared/store/document.js";
import { getHashed } from "../shared/store/hashed.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import type { Progress } from "./core/state.js";
import { CurveRecord } from "./curve/curve-record.js";
import type { SealedLog } from "./journal.js";
import { isBroken, readsAtATime, superfluousOf } from "./log-store.js";

/** Where a run's log lies. */
export interface LogSource {
  readonly store: ObjectStore;
  readonly run: string;
  /** Every segment that is in the store, as `listSegments` gives them. */
  readonly listed: readonly ListedSegment[];
  readonly clock: Pick<Clock, "sleep">;
}

/** Lines that are parsed in one turn: five milliseconds. */
const linesPerTurn = 256;

/**
 * The rows of a manifest's segments, each step and epoch once, none beyond the checkpoint. Weights don't rest on
 * them: a segment that is damaged or missing leaves a gap in the curve and a sentence. Errors: the store's.
 */
export async function readLog(
  source: LogSource,
  segments: readonly HashedObject[],
  progress: Pick<Progress, "step" | "epoch">,
): Promise<{ log: SealedLog; damaged: string[] }> {
  const steps = new Map<number, StepRow>();
  const epochs = new Map<number, EpochRow>();
  const damaged: string[] = [];
  const parsed = await mapBounded(segments, readsAtATime, async (segment) => {
    const text = await readSegment(source, segment);
    return text === null ? null : await rowsOrNull(text, source.clock);
  });
  for (const [at, rows] of parsed.entries()) {
    if (rows === null) {
      const { key = "" } = segments[at] ?? {};
      damaged.push(`the curve has a gap: ${key} of the run ${source.run} is missing or damaged`);
      continue;
    }
    for (const row of rows.steps) if (row.step < progress.step) steps.set(row.step, row);
    for (const row of rows.epochs) if (row.epoch < progress.epoch) epochs.set(row.epoch, row);
  }
  const curve = new CurveRecord(source.run);
  for await (const rows of inTurns(steps.values(), linesPerTurn, source.clock))
    for (const row of rows) curve.addStep(row);
  for (const row of epochs.values()) curve.addEpoch(row);
  return { log: { curve, segments, superfluous: superfluousOf(source.listed, segments) }, damaged };
}

/**
 * The text of a segment. An older manifest may name a segment that was merged into another one and deleted: the one that
 * covers it is read then. Null when neither can be read.
 */
async function readSegment({ store, listed }: LogSource, segment: HashedObject): Promise<string | null> {
  try {
    return textOf(await getHashed(store, segment.key, segment));
  } catch (error) {
    if (!isBroken(error)) throw error;
  }
  const inner = parseSegmentKey(segment.key);
  const outer = listed.find((other) => inner !== null && other.key !== segment.key && covers(other, inner));
  const bytes = outer === undefined ? null : await getIfThere(store, outer.key);
  return bytes === null ? null : textOf(bytes);
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

interface Rows {
  readonly steps: StepRow[];
  readonly epochs: EpochRow[];
}

async function rowsOf(text: string, clock: Pick<Clock, "sleep">): Promise<Rows> {
  const rows: Rows = { steps: [], epochs: [] };
  const lines = text.split("\n").filter((item) => item !== "");
  for await (const group of inTurns(lines, linesPerTurn, clock)) {
    for (const line of group) {
      const value = JSON.parse(line) as { readonly kind?: unknown };
      if (value.kind === "step") rows.steps.push(StepRow.parse(value));
      if (value.kind === "epoch") rows.epochs.push(EpochRow.parse(value));
    }
  }
  return rows;
}

/** The rows of a segment; null when its text can't be read. */
async function rowsOrNull(text: string, clock: Pick<Clock, "sleep">): Promise<Rows | null> {
  try {
    return await rowsOf(text, clock);
  } catch {
    return null;
  }
}

/** The checkpoint from which a run goes on. */
export interface RestoredCheckpoint {
  /** Segments that its manifest names. */
  readonly log: readonly HashedObject[];
  /** The generation that owned the run last. */
  readonly owner: number;
  readonly step: number;
}

/**
 * Number of samples in commits beyond the checkpoint, as far as the store knows them: commits whose rows are in segments of
 * the last owner, and not in the checkpoint's manifest. Commits whose rows were never sealed are computed again as well,
 * but are not counted. Segments of earlier owners are not read: one of them may have written on after it was taken over.
 */
export async function lostSamples(
  { store, listed, clock }: LogSource,
  { log: known, owner, step }: RestoredCheckpoint,
): Promise<number> {
  const named = new Set(known.map(({ key }) => key));
  const covered = new Set(superfluousOf(listed, known));
  const unknown = outermost(listed).filter(
    ({ key, generation: writer }) => writer >= owner && !named.has(key) && !covered.has(key),
  );
  const counts = await mapBounded(unknown, readsAtATime, async ({ key }) => {
    const { steps = [] } = (await rowsOrNull(textOf(await store.get(key)), clock)) ?? {};
    return steps.filter((row) => row.step >= step).reduce((sum, { samples }) => sum + samples, 0);
  });
  return counts.reduce((sum, count) => sum + count, 0);
}
