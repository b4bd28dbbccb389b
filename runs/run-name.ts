/** Names of runs: what may name one, and the name that a run gets when its user gives none. */
import { TrainyardError } from "../shared/errors.js";

/** Fit for keys, paths, metrics and addresses. Errors: USAGE. */
export function checkRunName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return name;
  throw new TrainyardError(
    "USAGE",
    `${JSON.stringify(name)} can't name a run: use 1 to 100 letters, digits, ".", "_" or "-", the first a letter or digit`,
  );
}

/** `<dataset>-<yyyymmdd-hhmmss>-<4 hex>` in UTC; `random` is any whole number, its low 16 bits count. */
export function newRunName(dataset: string, now: Date, random: number): string {
  const stamp = now.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
  const tail = (random & 0xffff).toString(16).padStart(4, "0");
  return `${dataset}-${stamp}-${tail}`;
}
