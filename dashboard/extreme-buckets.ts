/**
 * Down-sampling of a series that grows row by row. Rows are grouped into buckets of equal width; a bucket keeps the rows
 * with the lowest and the highest value of each series, and the first row whose value is not finite, so that no spike
 * disappears. When all buckets are full, neighbours are merged and the width doubles. Adding a row costs a bounded number
 * of comparisons, and what is kept depends on the rows and their order alone.
 */

/** Reads one series' value of a row; null where the row has none. */
export type SeriesValue<Row> = (row: Row) => number | null;

/** A bounded selection of rows, and always the last one. */
export class ExtremeBuckets<Row> {
  readonly #series: readonly SeriesValue<Row>[];
  readonly #most: number;
  #buckets: (readonly Row[])[] = [];
  /** Rows that each bucket stands for. */
  #width = 1;
  /** Rows that the last bucket stands for. */
  #filled = 0;
  #last: { readonly row: Row } | null = null;

  /** `most`: buckets at most, an even number. */
  constructor(series: readonly SeriesValue<Row>[], most: number) {
    this.#series = series;
    this.#most = most;
  }

  /** Adds the next row. */
  add(row: Row): void {
    this.#last = { row };
    const current = this.#buckets.at(-1);
    if (current !== undefined && this.#filled < this.#width) {
      this.#buckets[this.#buckets.length - 1] = this.select([...current, row]);
      this.#filled += 1;
      return;
    }
    if (this.#buckets.length === this.#most) this.#halve();
    this.#buckets.push([row]);
    this.#filled = 1;
  }

  /** The selected rows, in the order in which they were added. The last row is exact: it is always among them. */
  get rows(): readonly Row[] {
    const rows = this.#buckets.flat();
    return this.#last === null || rows.at(-1) === this.#last.row ? rows : [...rows, this.#last.row];
  }

  /** The rows of a bucket that are kept: at most three for each series. */
  protected select(rows: readonly Row[]): readonly Row[] {
    const kept = new Set(this.#series.flatMap((read) => extremesOf(rows, read)));
    return rows.length === kept.size ? rows : rows.filter((row) => kept.has(row));
  }

  #halve(): void {
    const halved: (readonly Row[])[] = [];
    for (let at = 0; at < this.#buckets.length; at += 2)
      halved.push(this.select([...(this.#buckets[at] ?? []), ...(this.#buckets[at + 1] ?? [])]));
    this.#buckets = halved;
    this.#width *= 2;
  }
}

/** The rows with the lowest and the highest finite value, and the first row whose value is not finite. */
function extremesOf<Row>(rows: readonly Row[], read: SeriesValue<Row>): Row[] {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const found: { low?: Row; high?: Row; notFinite?: Row } = {};
  for (const row of rows) {
    const value = read(row);
    if (value === null) continue;
    if (!Number.isFinite(value)) found.notFinite ??= row;
    else {
      if (value < lowest) [lowest, found.low] = [value, row];
      if (value > highest) [highest, found.high] = [value, row];
    }
  }
  return Object.values(found);
}
