/**
 * What may change when a run goes on: when it ends and what it keeps, never what decides the bits of a step. Changes
 * lie in the generation's record, so that spec.json stays as it was written, and every later coordinator and reader
 * sees the same spec.
 */
import { z } from "zod";
import { TrainyardError } from "./errors.js";
import type { RunSpec } from "./spec.js";

export const SpecChanges = z.object({
  epochs: z.number().int().min(1).optional(),
  patience: z.number().int().min(1).optional(),
  minDelta: z.number().min(0).optional(),
  keepCheckpoints: z.number().int().min(1).optional(),
  checkpointSteps: z.number().int().min(1).optional(),
  /** Null = none by time. */
  checkpointSeconds: z.number().positive().nullable().optional(),
});
export type SpecChanges = z.infer<typeof SpecChanges>;

/** The later one's word counts. */
export const joinChanges = (former: SpecChanges, later: SpecChanges): SpecChanges => ({
  ...former,
  ...later,
});

export const hasChanges = (changes: SpecChanges): boolean =>
  Object.values(changes).some((value) => value !== undefined);

/** The spec that counts. Errors: USAGE for a minDelta of a run without patience. */
export function effectiveSpec(spec: RunSpec, changes: SpecChanges): RunSpec {
  const { keep, everySteps, everySeconds } = spec.checkpoint;
  return {
    ...spec,
    epochs: changes.epochs ?? spec.epochs,
    earlyStopping: earlyStoppingOf(spec, changes),
    checkpoint: {
      keep: changes.keepCheckpoints ?? keep,
      everySteps: changes.checkpointSteps ?? everySteps,
      everySeconds: changes.checkpointSeconds === undefined ? everySeconds : changes.checkpointSeconds,
    },
  };
}

function earlyStoppingOf({ run, earlyStopping }: RunSpec, changes: SpecChanges): RunSpec["earlyStopping"] {
  const patience = changes.patience ?? earlyStopping?.patience;
  const minDelta = changes.minDelta ?? earlyStopping?.minDelta;
  if (patience !== undefined) return { patience, minDelta: minDelta ?? 0 };
  if (minDelta === undefined) return null;
  throw new TrainyardError(
    "USAGE",
    `--min-delta does nothing without --patience, which the run ${run} lacks`,
  );
}

/** Equal for two specs whose steps are the same bits on a worker: its engine and images serve both. */
export function stepIdentity(spec: RunSpec): string {
  const { epochs: _, earlyStopping: __, checkpoint: ___, ...deciding } = spec;
  return JSON.stringify(deciding);
}
