/** The coordinator is killed in a step and started again; its workers stay, and the run goes on from the last checkpoint. */
import { at, type Scenario, secondsToCommit, usual, within } from "./scenario.js";

export const coordinatorDies: Scenario = {
  promise: "training goes on within 10 s after a coordinator comes back",
  setup: usual,
  seed: 1,
  faults: [at(2, { act: "kill coordinator", downMs: 1_000 })],
  expect: (simulation) => within("going on", secondsToCommit(simulation, 3), 10),
};

/** Between any two objects that a run writes: generation, log, checkpoints, papers. */
export const coordinatorDiesAfterObject = (puts: number): Scenario => ({
  promise: `a coordinator may die right after the object number ${puts} of its run`,
  setup: { ...usual, everySteps: 2, keep: 1 },
  seed: 1,
  faults: [
    at(0, { act: "kill coordinator at put", puts, downMs: 300 }),
    // Lets the first one come so far.
    at(30, { act: "new worker" }),
  ],
});
