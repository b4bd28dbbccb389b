/**
 * c1 is stopped in the middle of checkpoint 1-5. c2 takes over after 15 s of silence and goes on from 1-0. c1 wakes, and
 * may write the rest of 1-5 before it learns that it owns nothing any more. Then c2 is killed: c3 must go on from what c2
 * stood on, and never read what c1 wrote late.
 */
import { at, type Scenario, usual } from "./scenario.js";

export const formerCoordinatorWakes: Scenario = {
  promise: "nothing that a former coordinator writes after it was taken over is read",
  setup: { ...usual, epochs: 3 },
  seed: 1,
  faults: [
    at(2, { act: "freeze coordinator at put", puts: 4, forMs: 21_000, rival: true }),
    at(3, { act: "slow worker", worker: 1, factor: 30, forMs: 24_000 }),
    at(3, { act: "slow worker", worker: 2, factor: 30, forMs: 24_000 }),
    at(25, { act: "kill coordinator", downMs: 300 }),
  ],
  expect({ coordinators }) {
    const ends = coordinators.map(({ end }) => end?.split(":")[0]).join(", ");
    return ends === "FENCED, killed, finished" ? null : `the coordinators ended as ${ends}`;
  },
};
