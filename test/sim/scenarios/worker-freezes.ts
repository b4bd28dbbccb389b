/** w1 is stopped for 20 s and wakes: its lanes are redone by w2, and nobody waits for it a second time. */
import { at, type Scenario, usual, within } from "./scenario.js";

export const workerFreezes: Scenario = {
  promise: "a frozen worker costs one deadline, once",
  setup: { ...usual, epochs: 8 },
  seed: 1,
  faults: [at(2, { act: "freeze worker", worker: 1, forMs: 20_000 })],
  expect({ updates }) {
    const waits = updates.slice(1).map(({ atMs }, i) => (atMs - (updates[i]?.atMs ?? 0)) / 1000);
    const long = waits.filter((seconds) => seconds > 1.5);
    return (
      within("the longest wait", Math.max(...waits), 6) ?? within("the number of long waits", long.length, 1)
    );
  },
};
