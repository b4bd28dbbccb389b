/** The curve as the charts draw it: columns of numbers, null for a gap. Few enough points for a page. */
import type { Curve, EpochRow, StepRow } from "../shared/curve.js";

/** The series of the charts. */
export interface ChartData {
  readonly epochs: {
    /** Epoch numbers as shown: the first is 1. */
    readonly epoch: readonly number[];
    readonly loss: Column;
    readonly accuracy: Column;
    readonly validationLoss: Column;
    readonly validationAccuracy: Column;
  };
  readonly steps: { readonly step: readonly number[]; readonly loss: Column; readonly smoothed: Column };
}
type Column = readonly (number | null)[];

/** More points than a screen has pixels only cost time. */
const mostPoints = 4000;
/** Weight of the past in the smoothed loss, as TensorBoard's default neighbourhood. */
const smoothing = 0.95;

const finite = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null);

/** Turns a curve into the series of the charts. */
export function chartData(curve: Pick<Curve, "epochs" | "steps">): ChartData {
  const column = (pick: (row: EpochRow) => number | null) => curve.epochs.map((row) => finite(pick(row)));
  return {
    epochs: {
      epoch: curve.epochs.map((row) => row.epoch + 1),
      loss: column((row) => row.loss),
      accuracy: column((row) => row.accuracy),
      validationLoss: column((row) => row.validationLoss),
      validationAccuracy: column((row) => row.validationAccuracy),
    },
    steps: stepColumns(curve.steps),
  };
}

function stepColumns(rows: readonly StepRow[]): ChartData["steps"] {
  const smoothed = smooth(rows.map((row) => finite(row.loss)));
  const stride = Math.max(1, Math.ceil(rows.length / mostPoints));
  const kept = rows
    .map((_, index) => index)
    .filter((index) => index % stride === 0 || index === rows.length - 1);
  return {
    step: kept.map((index) => (rows[index]?.step ?? 0) + 1),
    loss: kept.map((index) => finite(rows[index]?.loss ?? null)),
    smoothed: kept.map((index) => smoothed[index] ?? null),
  };
}

/** Exponential moving average without the bias of its start: s / (1 - beta^t). Gaps stay gaps. */
export function smooth(values: readonly (number | null)[]): (number | null)[] {
  let sum = 0;
  let weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    sum = smoothing * sum + (1 - smoothing) * value;
    weight = smoothing * weight + (1 - smoothing);
    return sum / weight;
  });
}
