/** What happened in a run, as one line for people. */

import { printable } from "../shared/printable.js";
import type { RunEvent } from "../shared/run-events.js";

/** `2026-01-01T10:00:00.000Z warn worker a left: silent for 5.1 s (worker a, workers 1)` */
export function eventLine({ at, level, message, fields }: RunEvent): string {
  const ids = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`);
  const more = ids.length === 0 ? "" : ` (${ids.join(", ")})`;
  return printable(`${at} ${level} ${message}${more}`);
}
