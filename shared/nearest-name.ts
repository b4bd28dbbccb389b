/** "Did you mean": the known name that is nearest to a mistyped one. */
import { closest, distance } from "fastest-levenshtein";

/** The nearest name, or null when none is near enough to be a typing error (half of its letters, at most 3). */
export function nearestName(written: string, known: readonly string[]): string | null {
  if (known.length === 0) return null;
  const candidate = closest(written, known);
  const allowed = Math.min(3, Math.floor(Math.max(written.length, candidate.length) / 2));
  return distance(written, candidate) <= allowed ? candidate : null;
}

/** `; did you mean …?`, or nothing. */
export function suggestion(written: string, known: readonly string[], prefix = ""): string {
  const name = nearestName(written, known);
  return name === null ? "" : `; did you mean ${prefix}${name}?`;
}
