/**
 * The curve of a run in the coordinator's memory, and what HTTP answers from it. The thread that keeps it also hears the
 * workers' heartbeats, so no answer takes longer than a few milliseconds, however long the curve is: the charts' series
 * are kept up to date row by row and encoded once for all readers, and exact rows come a page at a time.
 */
import { type ChartData, ChartSeries } from "../../dashboard/chart-data.js";
import { type CurveRows, type EpochRow, keepNonFinite, type StepRow } from "../../shared/curve.js";
import { firstPositionFrom, StepColumns } from "./step-columns.js";

/** Exact rows in one answer at most: encoding so many takes two milliseconds. */
export const rowsPerPage = 256;

/** What `/curve` answers: the charts' series, and how many rows the curve has. */
export interface CurveOverview {
  readonly format: "trainyard-curve-overview/1";
  readonly run: string;
  readonly committedSteps: number;
  readonly finishedEpochs: number;
  readonly series: ChartData;
}

/** The rows from number `from` to number `to`, without `to`. */
export interface RowRange {
  readonly from: number;
  readonly to: number;
}

/** Every step and epoch of a run so far. Rows are added in the order of their numbers. */
export class CurveRecord implements CurveRows {
  readonly run: string;
  readonly steps = new StepColumns();
  readonly epochs: EpochRow[] = [];
  readonly #series = new ChartSeries();
  #overview: { readonly version: number; readonly text: string } | null = null;

  constructor(run: string) {
    this.run = run;
  }

  addStep(row: StepRow): void {
    this.steps.push(row);
    this.#series.addStep(row);
  }

  addEpoch(row: EpochRow): void {
    this.epochs.push(row);
    this.#series.addEpoch(row);
  }

  /** The charts' series as they are now. */
  get charts(): ChartData {
    return this.#series.data;
  }

  /** The overview as JSON text. It is encoded once, and again only after another row. */
  get overviewText(): string {
    const version = this.steps.length + this.epochs.length;
    if (this.#overview?.version !== version) this.#overview = { version, text: this.#encodeOverview() };
    return this.#overview.text;
  }

  /** Exact rows of steps as JSON text: a page of the range, and where the next page begins. */
  stepsText({ from, to }: RowRange): string {
    const { steps } = this;
    const positions = { begin: steps.positionOf(from), end: steps.positionOf(to) };
    return this.#pageText("steps", positions, (position) => steps.row(position));
  }

  /** Exact rows of epochs as JSON text: a page of the range, and where the next page begins. */
  epochsText({ from, to }: RowRange): string {
    const row = (position: number) => this.epochs[position] as EpochRow;
    const positionOf = (epoch: number) =>
      firstPositionFrom(epoch, this.epochs.length, (position) => row(position).epoch);
    return this.#pageText("epochs", { begin: positionOf(from), end: positionOf(to) }, row);
  }

  #pageText(
    kind: "steps" | "epochs",
    { begin, end }: { readonly begin: number; readonly end: number },
    rowAt: (position: number) => StepRow | EpochRow,
  ): string {
    const length = Math.max(0, Math.min(end - begin, rowsPerPage));
    const rows = Array.from({ length }, (_, at) => rowAt(begin + at));
    const following = begin + length < end ? rowAt(begin + length) : null;
    const next = following === null ? null : following[kind === "steps" ? "step" : "epoch"];
    const page = { format: "trainyard-curve-rows/1", run: this.run, [kind]: rows, next };
    return `${JSON.stringify(page, keepNonFinite)}\n`;
  }

  #encodeOverview(): string {
    const overview: CurveOverview = {
      format: "trainyard-curve-overview/1",
      run: this.run,
      committedSteps: this.steps.length,
      finishedEpochs: this.epochs.length,
      series: this.charts,
    };
    return `${JSON.stringify(overview)}\n`;
  }
}
