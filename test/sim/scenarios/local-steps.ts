/**
 * Lanes with local steps change hands in every way: a worker dies amid its lanes, one is late and others compute the
 * same lanes, every lane is computed by a second worker and compared, and another coordinator takes over.
 */
import { at, type Scenario, usual } from "./scenario.js";

export const laneOfLocalStepsMoves: Scenario = {
  promise: "a lane's local steps are the same bits on any worker, from the step's weights and nothing else",
  setup: {
    ...usual,
    dataset: { training: 140, validation: 10, shards: 3 },
    accumulation: 2,
    localSteps: 4,
    workers: 3,
    audit: 1,
  },
  seed: 2,
  faults: [
    at(1.6, { act: "kill worker", worker: 1, downMs: 300 }),
    at(2.2, { act: "slow worker", worker: 2, factor: 20, forMs: 2_000 }),
    at(4, { act: "kill coordinator", downMs: 500 }),
    at(5.5, { act: "poison worker", worker: 3 }),
  ],
  expect: ({ coordinators, updates }) => {
    if (coordinators.length !== 2) return "no coordinator took over";
    return new Set(updates.map(({ step }) => step)).size > 8 ? null : "too few steps for what happens";
  },
};
