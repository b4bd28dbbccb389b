/**
 * The curve as the charts draw it: columns of numbers, null for a gap. However long the run is, there are few enough
 * points for a page: rows are chosen so that spikes stay visible (extreme-buckets.ts).
 */
import type { CurveRows, EpochRow, StepRow } from "../shared/curve.js";
import { ExtremeBuckets } from "./extreme-buckets.js";

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

/** Buckets of the charts: as many as a wide chart has pixels, and fewer for epochs, whose rows have four series. */
export const chartBuckets = { steps: 1024, epochs: 256 } as const;
/** Weight of the past in the smoothed loss, as TensorBoard's default neighbourhood. */
const smoothing = 0.95;

/** A point of the steps' chart. */
interface StepPoint {
  readonly step: number;
  readonly loss: number | null;
  readonly smoothed: number | null;
}

const finite = (value: number | null) => (value !== null && Number.isFinite(value) ? value : null);

/** The charts' series of a run that goes on: each row is added once, at a bounded cost. */
export class ChartSeries {
  readonly #steps = new ExtremeBuckets<StepPoint>([({ loss }) => loss], chartBuckets.steps);
  readonly #epochs = new ExtremeBuckets<EpochRow>(
    [(row) => row.loss, (row) => row.accuracy, (row) => row.validationLoss, (row) => row.validationAccuracy],
    chartBuckets.epochs,
  );
  readonly #smoothed = new MovingAverage();

  addStep({ step, loss }: Pick<StepRow, "step" | "loss">): void {
    this.#steps.add({ step, loss, smoothed: this.#smoothed.next(finite(loss)) });
  }

  addEpoch(row: EpochRow): void {
    this.#epochs.add(row);
  }

  /** The series as they are now. */
  get data(): ChartData {
    const [epochs, steps] = [this.#epochs.rows, this.#steps.rows];
    const column = (pick: (row: EpochRow) => number | null) => epochs.map((row) => finite(pick(row)));
    return {
      epochs: {
        epoch: epochs.map((row) => row.epoch + 1),
        loss: column((row) => row.loss),
        accuracy: column((row) => row.accuracy),
        validationLoss: column((row) => row.validationLoss),
        validationAccuracy: column((row) => row.validationAccuracy),
      },
      steps: {
        step: steps.map(({ step }) => step + 1),
        loss: steps.map(({ loss }) => finite(loss)),
        smoothed: steps.map(({ smoothed }) => smoothed),
      },
    };
  }
}

/** Turns a whole curve into the series of the charts. */
export function chartData(curve: Pick<CurveRows, "epochs" | "steps">): ChartData {
  const series = new ChartSeries();
  for (const row of curve.steps) series.addStep(row);
  for (const row of curve.epochs) series.addEpoch(row);
  return series.data;
}

/** Exponential moving average without the bias of its start: s / (1 - beta^t). Gaps stay gaps. */
export class MovingAverage {
  #sum = 0;
  #weight = 0;

  /** The average up to this value; null for a gap. */
  next(value: number | null): number | null {
    if (value === null) return null;
    this.#sum = smoothing * this.#sum + (1 - smoothing) * value;
    this.#weight = smoothing * this.#weight + (1 - smoothing);
    return this.#sum / this.#weight;
  }
}
