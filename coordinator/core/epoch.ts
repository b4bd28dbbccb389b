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
  readonly loss: number;
  readonly accuracy: number;
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
  readonly learningRate: number;
  readonly seconds: number;
  readonly imagesPerSecond: number;
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

const watched = (row: EpochRow) => row.validationLoss ?? row.loss;

function observe(patience: Patience, value: number, minDelta: number): Patience {
  return value < patience.best - minDelta
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
  const value = watched(row);
  const isBest = memory.best === null || value < watched(memory.best);
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
function decidePlateau(spec: RunSpec, before: Patience, value: number, learningRate: number) {
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
