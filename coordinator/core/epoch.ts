/**
 * Decisions between two epochs: whether this epoch is the best so far, whether the learning rate is lowered, whether
 * training stops. Watches the validation loss, or the training loss without a validation split.
 */
import type { RunSpec } from "../../shared/spec.js";

/** One finished epoch, as the curve shows it. */
export interface EpochRow {
  readonly epoch: number;
  /** Weights version after the epoch's last step. */
  readonly step: number;
  /** Mean over the samples of the epoch's applied steps; null when none was applied. */
  readonly loss: number | null;
  readonly accuracy: number | null;
  /** Null without validation images; not finite when the model's predictions are not. */
  readonly validationLoss: number | null;
  /** Null without validation images, and where the loss is not finite: such a model predicts nothing. */
  readonly validationAccuracy: number | null;
  readonly learningRate: number;
  readonly seconds: number;
  /** Null when no step was applied. */
  readonly imagesPerSecond: number | null;
}

/** Best watched value so far and epochs since. */
export interface Patience {
  readonly best: number;
  readonly wait: number;
}

export interface EpochMemory {
  readonly stopping: Patience;
  readonly plateau: Patience;
  readonly best: EpochRow | null;
}

export const freshMemory: EpochMemory = {
  stopping: { best: Number.POSITIVE_INFINITY, wait: 0 },
  plateau: { best: Number.POSITIVE_INFINITY, wait: 0 },
  best: null,
};

export interface EpochDecision {
  readonly memory: EpochMemory;
  readonly isBest: boolean;
  readonly learningRate: number;
  /** Why the run ends here; null = it goes on. */
  readonly stop: string | null;
}

/** The loss by which an epoch is judged: null where there is none, or one that is not finite. */
export function watchedLoss(row: Pick<EpochRow, "validationLoss" | "loss">): number | null {
  const loss = row.validationLoss ?? row.loss;
  return loss !== null && Number.isFinite(loss) ? loss : null;
}

/** True when an epoch had a finite loss, so that there is a best one. Earlier versions could keep one without. */
export const hasBest = ({ best }: EpochMemory): boolean => best !== null && watchedLoss(best) !== null;

/** A loss below the best one. No loss is below none, and none is below any. */
function isLower(value: number | null, best: EpochRow | null): boolean {
  const before = best === null ? null : watchedLoss(best);
  return value !== null && (before === null || value < before);
}

function observe(patience: Patience, value: number | null, minDelta: number): Patience {
  return value !== null && value < patience.best - minDelta
    ? { best: value, wait: 0 }
    : { ...patience, wait: patience.wait + 1 };
}

/** `baseRate`: the learning rate before the schedule's factor, which is what a plateau lowers. */
export function decideEpoch(
  spec: RunSpec,
  memory: EpochMemory,
  row: EpochRow,
  baseRate: number,
): EpochDecision {
  const value = watchedLoss(row);
  const isBest = isLower(value, memory.best);
  const stopping = observe(memory.stopping, value, spec.earlyStopping?.minDelta ?? 0);
  const { plateau, learningRate } = decidePlateau(spec, memory.plateau, value, baseRate);
  return {
    memory: { stopping, plateau, best: isBest ? row : memory.best },
    isBest,
    learningRate,
    stop: reasonToStop(spec, stopping, row),
  };
}

/** Keras' ReduceLROnPlateau: after `patience` epochs without improvement, rate x factor, and wait anew. */
function decidePlateau(spec: RunSpec, before: Patience, value: number | null, learningRate: number) {
  const plateau = observe(before, value, spec.plateau?.minDelta ?? 0);
  if (spec.plateau === null || plateau.wait < spec.plateau.patience) return { plateau, learningRate };
  const lowered = Math.max(learningRate * spec.plateau.factor, spec.plateau.minLearningRate);
  return { plateau: { ...plateau, wait: 0 }, learningRate: Math.min(learningRate, lowered) };
}

/** Why the run ends after this epoch; null = it goes on. */
export function reasonToStop(spec: RunSpec, stopping: Patience, row: EpochRow): string | null {
  if (row.epoch + 1 >= spec.epochs) return `all ${spec.epochs} epochs are done`;
  if (spec.earlyStopping !== null && stopping.wait >= spec.earlyStopping.patience) {
    return `no lower loss for ${stopping.wait} epochs (--patience ${spec.earlyStopping.patience})`;
  }
  return null;
}
