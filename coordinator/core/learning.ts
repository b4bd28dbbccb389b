/** Whether a run has learned anything, and what its user should change if not. */
import { hasBest, watchedLoss } from "./epoch.js";
import type { CoreState } from "./state.js";

/** What to change when gradients, weights or losses leave float32. */
export const adviceOnOverflow =
  "train again with a lower --learning-rate or --class-weight or with --clip-norm, or look at the data";

/** Why a run has failed whose training came to its end without a step or a loss; null: it has learned something. */
export function reasonNothingWasLearned({
  progress,
  results,
  run: { dimensions },
}: CoreState): string | null {
  if (progress.optimizer.count === 0) {
    const last = results.lastSkip === null ? "" : ` (the last because ${results.lastSkip.reason})`;
    return `no step was applied: all ${progress.step} were skipped${last}: ${adviceOnOverflow}`;
  }
  if (hasBest(progress.memory)) return null;
  const loss = dimensions.blocks > 0 ? "validation loss" : "training loss";
  return `no epoch had a finite ${loss}: ${adviceOnOverflow}`;
}

/** A sentence on the checkpoint to go on from when training stops early. A checkpoint with a loss that is not finite is not good. */
export function lastGood({ progress, results, checkpoints, run: { generation } }: CoreState): string {
  if (progress.optimizer.count === 0) return "No step was applied yet";
  if (results.lastEpoch === null || watchedLoss(results.lastEpoch) !== null)
    return `The last good checkpoint is ${generation}-${progress.step}`;
  return checkpoints.best === null || !hasBest(progress.memory)
    ? "No epoch had a finite loss"
    : `The last epoch had no finite loss; the best checkpoint is ${checkpoints.best}`;
}
