/** The coordinator is stopped for 6 s and wakes: longer than a worker may be silent. Nobody is cut off for it. */
import { at, type Scenario, usual } from "./scenario.js";

export const coordinatorPauses: Scenario = {
  promise: "a pause of the coordinator cuts nobody off",
  setup: { ...usual, epochs: 10 },
  seed: 1,
  faults: [
    at(1.6, { act: "freeze coordinator", forMs: 6_000, rival: false }),
    at(12, { act: "freeze coordinator", forMs: 6_000, rival: false }),
  ],
  expect({ coordinators }) {
    const joined = coordinators.map(({ shell }) => shell?.state.membership.joined);
    return joined.join() === "2" ? null : `${joined.join()} workers joined in place of 2`;
  },
};
