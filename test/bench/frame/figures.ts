/** How benches print: the machine, figures of repeated measurements, and rows of tables in plain text. */
import { cpus } from "node:os";

/** The head of every table: figures of different machines are not to be compared. */
export const machine = () => `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`;

/** The middle one, or the mean of the two in the middle; NaN of nothing. */
export function median(values: readonly number[]): number {
  const order = [...values].sort((a, b) => a - b);
  const half = order.length / 2;
  const [low, high] = [order[Math.ceil(half) - 1] ?? Number.NaN, order[Math.floor(half)] ?? Number.NaN];
  return (low + high) / 2;
}

/** "least-most". */
export const range = (values: readonly number[], digits: number) =>
  `${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)}`;

/** "median (least-most)". */
export const spread = (values: readonly number[], digits: number) =>
  `${median(values).toFixed(digits)} (${range(values, digits)})`;

/** One line: the first cell to the left of its column, the others to the right of theirs. */
export const row = (cells: readonly string[], widths: readonly number[]) =>
  cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))).join("");
