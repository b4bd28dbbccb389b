/**
 * After the faults somebody makes progress, and the run ends: no wait is without a deadline. A simulation in which
 * nothing will ever happen any more has one.
 */
import type { Simulation } from "../simulation.js";
import type { Checker } from "./checker.js";

export function progressChecker(): Checker {
  return {
    look: ({ broken }) => broken[0] ?? null,
    atEnd: (simulation) => (simulation.isDone ? null : `the run is not over: ${standOf(simulation)}`),
  };
}

/** Who is in which state, for people. */
export function standOf(simulation: Simulation): string {
  const { coordinators, workers, scheduler } = simulation;
  const lives = coordinators
    .filter(({ process }) => !process.isDead)
    .map(({ name, shell, store }) => {
      const calls = [...store.calls].map(({ what }) => what).join(", ");
      return `${name} ${shell === null ? "begins" : JSON.stringify(shell.status.message ?? shell.state.phase.tag)} ${calls}`;
    });
  const hands = workers.map(
    ({ process, number }) => `worker ${number} ${process === null ? "is not there" : "lives"}`,
  );
  return `${[...lives, ...hands].join("; ")}; at ${(scheduler.nowMs / 1000).toFixed(1)} s ${scheduler.pending} events are to come`;
}
