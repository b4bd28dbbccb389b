/**
 * `state.json` of a checkpoint: everything that another coordinator needs besides the vectors. Numbers keep all
 * their bits in JSON (the shortest decimal that reads back the same); NaN and infinities travel as strings.
 */
import { z } from "zod";
import { EpochRow, exact, keepNonFinite } from "../../shared/curve.js";
import { TrainyardError } from "../../shared/errors.js";
import { refuseUnknownFormat } from "../../shared/formats.js";
import { ModelLayout } from "../../shared/layout.js";
import { arePublishable } from "../../shared/statistics.js";
import type { SavedState } from "../core/state.js";
import { StoredOptimizerState } from "../optimizers/registry.js";

const whole = z.number().int().nonnegative();
const Patience = z.object({ best: exact, wait: whole });

const Progress = z.object({
  step: whole,
  epoch: whole,
  stepInEpoch: whole,
  optimizer: StoredOptimizerState,
  totals: z.object({ lossSum: z.number(), correct: z.number(), samples: whole }),
  memory: z.object({ stopping: Patience, plateau: Patience, best: EpochRow.nullable() }),
  ledger: z.object({ committed: whole, redone: whole, skipped: whole, excluded: whole }),
  exclusions: z
    .array(
      z.object({
        split: z.enum(["train", "validation"]),
        sample: whole,
        step: whole,
        key: z.string(),
        reason: z.string(),
      }),
    )
    .default([]),
  skippedInARow: whole,
});

const Evaluation = z.object({
  epoch: whole,
  loss: exact,
  accuracy: exact.nullable(),
  confusion: z.array(z.array(whole)),
});

const State = z.object({
  format: z.literal("trainyard-state/1"),
  checkpoint: z.string(),
  layout: ModelLayout,
  progress: Progress,
  statistics: z.object({ sums: z.array(z.number()), decay: z.array(z.number()) }),
  evaluation: Evaluation.nullable(),
  lastEpoch: EpochRow.nullable(),
  bestCheckpoint: z.string().nullable(),
  endedBecause: z.string().nullable(),
  fingerprints: z.array(z.object({ tensorflow: z.string(), device: z.string(), nodeMajor: z.number() })),
  joined: whole,
  elapsedMs: z.number(),
  epochElapsedMs: z.number(),
});

/** Errors: FAILED when the batch-norm statistics are not finite. */
export function encodeState(checkpoint: string, layout: ModelLayout, saved: SavedState): Uint8Array {
  const { statistics, ...progress } = saved.progress;
  if (!arePublishable(layout, statistics))
    throw new TrainyardError(
      "FAILED",
      `the batch-norm statistics of checkpoint ${checkpoint} are not finite`,
    );
  const state = {
    format: "trainyard-state/1",
    checkpoint,
    layout,
    ...saved,
    progress,
    statistics: { sums: [...statistics.sums], decay: statistics.decay },
  };
  return Buffer.from(`${JSON.stringify(state, keepNonFinite, 1)}\n`);
}

/** Errors: UNKNOWN_FORMAT; DAMAGED naming the object and the field. */
export function decodeState(bytes: Uint8Array, key: string): { layout: ModelLayout; saved: SavedState } {
  const document: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  refuseUnknownFormat(document, key);
  const parsed = State.safeParse(document);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const where = `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`;
    throw new TrainyardError("DAMAGED", `${key} is not a state of this version of Trainyard (${where})`);
  }
  const { format: _, checkpoint: __, layout, statistics, progress, ...rest } = parsed.data;
  const { sums, decay } = statistics;
  return {
    layout,
    saved: { ...rest, progress: { ...progress, statistics: { sums: Float64Array.from(sums), decay } } },
  };
}
