/**
 * A run with SGD and momentum, in two slices: a worker dies amid its lanes, and another coordinator goes on from a
 * checkpoint, whose velocity must be that of its step.
 */
import { sgdSpec } from "../../support/optimizers.js";
import { at, type Scenario, usual } from "./scenario.js";

export const sgdRunGoesOn: Scenario = {
  promise: "a run with SGD, momentum and Nesterov goes on from a checkpoint to the same bits",
  setup: {
    ...usual,
    optimizer: { ...sgdSpec, momentum: 0.9, nesterov: true },
    workers: 3,
    reducers: 2,
    filling: 4_200,
    everySteps: 2,
    plateau: true,
  },
  seed: 4,
  faults: [
    at(1.6, { act: "kill worker", worker: 1, downMs: 300 }),
    at(2.2, { act: "kill coordinator", downMs: 500 }),
  ],
  expect: ({ coordinators, updates }) => {
    if (coordinators.length !== 2) return "no coordinator took over";
    return updates.every(({ after }) => after.moments.length === 1) ? null : "there is not one velocity";
  },
};
