/** Eleven of twelve workers leave while 128 lanes are out; the last one computes them all, and its export takes 130 s. */
import { at, type Scenario, usual } from "./scenario.js";

export const fleetShrinks: Scenario = {
  promise: "a worker that is left with 128 lanes is not cut off, nor is an export of 130 s",
  setup: {
    ...usual,
    dataset: { training: 150, validation: 70, shards: 3 },
    lanes: 128,
    batchSize: 128,
    epochs: 1,
    workers: 12,
    audit: 0.2,
  },
  seed: 1,
  faults: [
    at(1, { act: "slow export", exportMs: 130_000 }),
    at(2.2, { act: "shrink fleet" }),
    at(2.3, { act: "slow worker", worker: 1, factor: 20, forMs: 100_000 }),
  ],
  expect({ coordinators }) {
    const joined = coordinators.map(({ shell }) => shell?.state.membership.joined);
    return joined.join() === "12" ? null : `${joined.join()} workers joined in place of 12`;
  },
};
