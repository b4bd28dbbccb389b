/** The log segments of former coordinators: the curve up to a checkpoint, and what was committed after it. */
import type { HashedObject } from "../shared/checkpoint.js";
import { EpochRow, StepRow } from "../shared/curve.js";
import { TrainyardError } from "../shared/errors.js";
import { runKey } from "../shared/spec.js";
import { getHashed } from "../shared/store/hashed.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import type { Progress } from "./core/state.js";
import type { SealedLog } from "./journal.js";

/**
 * The rows of a manifest's segments, each step and epoch once, none beyond the checkpoint. Weights don't rest on
 * them: a segment that is damaged or missing leaves a gap in the curve and a sentence. Errors: the store's.
 */
export async function readLog(
  store: ObjectStore,
  run: string,
  segments: readonly HashedObject[],
  progress: Pick<Progress, "step" | "epoch">,
): Promise<{ log: SealedLog; damaged: string[] }> {
  const steps = new Map<number, StepRow>();
  const epochs = new Map<number, EpochRow>();
  const damaged: string[] = [];
  for (const segment of segments) {
    const text = await readSegment(store, segment);
    if (text === null) {
      damaged.push(`the curve has a gap: ${segment.key} of the run ${run} is missing or damaged`);
      continue;
    }
    const rows = rowsOf(text);
    for (const row of rows.steps) if (row.step < progress.step) steps.set(row.step, row);
    for (const row of rows.epochs) if (row.epoch < progress.epoch) epochs.set(row.epoch, row);
  }
  return { log: { steps: [...steps.values()], epochs: [...epochs.values()], segments }, damaged };
}

async function readSegment(store: ObjectStore, segment: HashedObject): Promise<string | null> {
  try {
    return Buffer.from(await getHashed(store, segment.key, segment)).toString("utf8");
  } catch (error) {
    if (error instanceof TrainyardError && (error.code === "DAMAGED" || error.code === "NOT_FOUND"))
      return null;
    throw error;
  }
}

function rowsOf(text: string): { steps: StepRow[]; epochs: EpochRow[] } {
  const steps: StepRow[] = [];
  const epochs: EpochRow[] = [];
  for (const line of text.split("\n").filter((item) => item !== "")) {
    const value = JSON.parse(line) as { readonly kind?: unknown };
    if (value.kind === "step") steps.push(StepRow.parse(value));
    if (value.kind === "epoch") epochs.push(EpochRow.parse(value));
  }
  return { steps, epochs };
}

/** The checkpoint from which a run goes on. */
export interface RestoredCheckpoint {
  /** Segments that its manifest names. */
  readonly log: readonly HashedObject[];
  readonly generation: number;
  readonly step: number;
}

/**
 * Number of samples in commits beyond the checkpoint, as far as the store knows them: commits whose rows are in segments of
 * the checkpoint's generation or a later one, and not in its manifest. Commits whose rows were never sealed are computed
 * again as well, but are not counted.
 */
export async function lostSamples(
  store: ObjectStore,
  run: string,
  { log: known, generation, step }: RestoredCheckpoint,
): Promise<number> {
  const prefix = runKey(run, "log/");
  let samples = 0;
  for await (const { key } of store.list(prefix)) {
    const writer = Number(/^(\d+)-\d+\.jsonl$/.exec(key.slice(prefix.length))?.[1] ?? 0);
    if (writer < generation || known.some((segment) => segment.key === key)) continue;
    const text = Buffer.from(await store.get(key)).toString("utf8");
    for (const row of stepsOrNone(text)) if (row.step >= step) samples += row.samples;
  }
  return samples;
}

/** The step rows of a segment; none when it can't be read, because no manifest vouches for it. */
function stepsOrNone(text: string): readonly StepRow[] {
  try {
    return rowsOf(text).steps;
  } catch {
    return [];
  }
}
