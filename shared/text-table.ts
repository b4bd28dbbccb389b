/** Tables in plain text, for a terminal. */
import { printable } from "./printable.js";

/** Columns as wide as their longest cell, two spaces apart; a cell is one line, whatever a name holds. */
export function textTable(written: readonly (readonly string[])[]): string {
  const rows = written.map((row) => row.map(printable));
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => [...(row[column] ?? "")].length)),
  );
  const pad = (cell: string, column: number) => cell + " ".repeat((widths[column] ?? 0) - [...cell].length);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
}
