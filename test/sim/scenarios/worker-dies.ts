/** w1 is killed while it computes; its lanes go to w2 within the step, and the one that comes in its place gets lanes. */
import { at, type Scenario, secondsToCommit, usual, within } from "./scenario.js";

export const workerDies: Scenario = {
  promise: "the next commit comes within 2 s and a step of a worker's death",
  setup: usual,
  seed: 1,
  faults: [at(2, { act: "kill worker", worker: 1, downMs: 500 })],
  expect: (simulation) => within("the next commit", secondsToCommit(simulation, 2), 2.3),
};
