/**
 * w1's gradient is NaN, and the lane goes to w2 for a second opinion. While w2 computes, w1's record arrives once more. It
 * was counted as the second opinion, and the step was skipped though w2's gradient was fine (found by seed 49).
 */
import { at, type Scenario, usual } from "./scenario.js";

export const refusedRecordComesAgain: Scenario = {
  promise: "a record that is not finite and comes twice is one opinion, not two",
  setup: usual,
  seed: 1,
  faults: [
    at(1.15, { act: "poison worker", worker: 1 }),
    // The record is there at 1.318 s, w2's at 1.401 s.
    at(1.34, { act: "repeat messages", worker: 1, method: "join" }),
  ],
  expect: ({ refused }) => ((refused.get("not asked") ?? 0) > 0 ? null : "the record did not come again"),
};
