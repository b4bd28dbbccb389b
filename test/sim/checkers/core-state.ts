/** The core's invariants hold, and its waits have limits, in every state that a coordinator comes to, also those that cost too much for every event. */
import { checkWholeState } from "../../../coordinator/core/invariants.js";
import type { CoreState } from "../../../coordinator/core/state.js";
import { problemOfWaits } from "../../support/core-waits.js";
import type { Simulation } from "../simulation.js";
import type { Checker } from "./checker.js";

export function coreStateChecker(): Checker {
  const seen = new WeakSet<CoreState>();
  return { look: (simulation) => look(simulation, seen) };
}

function look({ coordinators }: Simulation, seen: WeakSet<CoreState>): string | null {
  for (const { process, shell, name } of coordinators) {
    if (process.isDead || shell === null || seen.has(shell.state)) continue;
    seen.add(shell.state);
    try {
      checkWholeState(shell.state);
      const problem = problemOfWaits(shell.state);
      if (problem !== null) return `${name}: ${problem}`;
    } catch (error) {
      return `${name}: ${error instanceof Error ? error.message : String(error)}`;
    }
  }
  return null;
}
