/**
 * c1 is stopped in the middle of checkpoint 1-5. c2 takes over after 15 s of silence and goes on from 1-0. c1 wakes, and
 * writes the rest of 1-5 before it learns that it owns nothing any more. Then c2 is killed before it wrote a checkpoint of
 * its own: c3 must go on from what c2 stood on, 1-0, and never look at 1-5, though it is newer and whole.
 */
import { at, type Scenario, usual } from "./scenario.js";

export const formerCoordinatorWakes: Scenario = {
  promise: "nothing that a former coordinator writes after it was taken over is read",
  setup: { ...usual, epochs: 3 },
  seed: 1,
  faults: [
    at(2, { act: "freeze coordinator at put", puts: 4, forMs: 21_000, rival: true }),
    // c2's record, the same with what it goes on from, and its first log.
    at(4, { act: "kill coordinator at put", puts: 3, downMs: 300 }),
    // Until then faults go on.
    at(40, { act: "new worker" }),
  ],
  expect({ coordinators, store, fencing }) {
    const late = "runs/simulated/checkpoints/1-5/manifest.json";
    if (!fencing.hasBeenWritten(late)) return "c1 did not complete its checkpoint";
    if (store.objects.has(late)) return "c3 did not tidy up what c1 left";
    const ends = coordinators.map(({ end }) => end?.split(":")[0]).join(", ");
    return ends === "FENCED, killed, finished" ? null : `the coordinators ended as ${ends}`;
  },
};
