/**
 * What may change when a run goes on: when it ends and what it keeps, never what decides the bits of a step. Changes
 * lie in the generation's record, so that spec.json stays as it was written, and every later coordinator and reader
 * sees the same spec.
 */
import { z } from "zod";
import { TrainyardError } from "./errors.js";
import { runSettings } from "./settings/run-settings.js";
import { choiceSchema, numberSchema } from "./settings/schema.js";
import type { RunSpec } from "./spec.js";

/** Settings of a run that a resume may change. */
export const SpecChanges = z.object({
  epochs: numberSchema(runSettings.epochs).optional(),
  patience: numberSchema(runSettings.patience).optional(),
  minDelta: numberSchema(runSettings["min-delta"]).optional(),
  exportWeights: choiceSchema(runSettings["export-weights"]).optional(),
  keepCheckpoints: numberSchema(runSettings["keep-checkpoints"]).optional(),
  checkpointSteps: numberSchema(runSettings["checkpoint-steps"]).optional(),
  /** Seconds between two checkpoints; null, which the flag writes as 0, means no checkpoints by time. */
  checkpointSeconds: z.number().positive().nullable().optional(),
});
export type SpecChanges = z.infer<typeof SpecChanges>;

/** Both changes as one; where both set a field, the later one counts. */
export const joinChanges = (former: SpecChanges, later: SpecChanges): SpecChanges => ({
  ...former,
  ...later,
});

/** True when any setting is changed. */
export const hasChanges = (changes: SpecChanges): boolean =>
  Object.values(changes).some((value) => value !== undefined);

/** The spec with the changes in it: what every coordinator and reader goes by. Errors: USAGE for a minDelta of a run without patience. */
export function effectiveSpec(spec: RunSpec, changes: SpecChanges): RunSpec {
  const { keep, everySteps, everySeconds } = spec.checkpoint;
  return {
    ...spec,
    epochs: changes.epochs ?? spec.epochs,
    earlyStopping: earlyStoppingOf(spec, changes),
    exportWeights: exportWeightsOf(spec, changes),
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

/** A run that gets its first --patience exports the best weights, as one does that had it from the beginning. */
function exportWeightsOf(spec: RunSpec, changes: SpecChanges): RunSpec["exportWeights"] {
  const isNewlyPatient = changes.patience !== undefined && spec.earlyStopping === null;
  return changes.exportWeights ?? (isNewlyPatient ? "best" : spec.exportWeights);
}

/** A text that is equal for two specs whose steps have the same bits, so that a worker's engine and images serve both. */
export function stepIdentity(spec: RunSpec): string {
  const { epochs: _, earlyStopping: __, checkpoint: ___, exportWeights: ____, ...deciding } = spec;
  return JSON.stringify(deciding);
}
