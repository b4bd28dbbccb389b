/** Nothing that a coordinator writes after another one has taken the run is ever read. */
import type { Checker } from "./checker.js";

export function fencingChecker(): Checker {
  return { look: ({ fencing }) => fencing.violations[0] ?? null };
}
