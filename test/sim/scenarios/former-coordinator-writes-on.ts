/**
 * c1 stands still for 19 s while the store is slow, wakes, and goes on for a second before it learns that c2 has taken
 * the run: what it writes meanwhile counts for nothing. c2 is killed at once, so c3 looks at all that lies there.
 */
import { at, type Scenario, usual } from "./scenario.js";

const wakesLate = (seconds: number) => [
  at(2, { act: "freeze coordinator", forMs: seconds * 1000, rival: true }),
  // c2's record, the same with what it goes on from, and its first log.
  at(2.2, { act: "kill coordinator at put", puts: 3, downMs: 300 }),
  at(1 + seconds, { act: "store slow", latencyMs: 1_000, forMs: 3_000 }),
  // Until then faults go on.
  at(30, { act: "new worker" }),
];

/** c1 seals the log of an epoch: c3 must not count its samples as lost. */
export const formerCoordinatorSeals: Scenario = {
  promise: "a log that a former coordinator sealed after it was taken over is not read",
  setup: usual,
  seed: 1,
  faults: wakesLate(19),
  expect({ coordinators, fencing }) {
    if (!fencing.hasBeenWritten("runs/simulated/log/1-2.jsonl"))
      return "c1 sealed nothing after it was taken over";
    const ends = coordinators.map(({ end }) => end?.split(":")[0]).join(", ");
    return ends === "FENCED, killed, finished" ? null : `the coordinators ended as ${ends}`;
  },
};

/** c1 publishes a whole result: c3 finds it in its way, and publishes beside it if it differs. */
export const formerCoordinatorPublishes: Scenario = {
  promise: "a result that a former coordinator published after it was taken over is not taken for the run's",
  setup: { ...usual, epochs: 1 },
  seed: 2,
  faults: wakesLate(19.5),
  expect({ coordinators, fencing }) {
    if (!fencing.hasBeenWritten("runs/simulated/curve.json")) return "c1 published nothing";
    const ends = coordinators.map(({ end }) => end?.split(":")[0]).join(", ");
    return ends === "FENCED, killed, finished" ? null : `the coordinators ended as ${ends}`;
  },
};
