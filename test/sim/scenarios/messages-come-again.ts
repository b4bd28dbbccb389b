/**
 * Whatever workers say and upload arrives a second time, up to 4 s later. A hello that came again made its worker a new
 * member, and a "ready" that came again had it open all its streams once more (found by seed 104914).
 */
import { at, type Scenario, usual } from "./scenario.js";

export const messagesComeAgain: Scenario = {
  promise: "a message that comes twice changes nothing: it is refused and counted",
  setup: { ...usual, epochs: 6 },
  seed: 1,
  faults: [at(0, { act: "echoes", share: 1, forMs: 20_000 })],
  expect({ coordinators, refused }) {
    const joined = coordinators[0]?.shell?.state.membership.joined;
    if (joined !== 2) return `two workers joined ${joined} times`;
    const missing = ["duplicate", "misplaced", "stale step"].filter((reason) => !refused.has(reason));
    return missing.length === 0 ? null : `nothing was refused as ${missing.join(", ")}`;
  },
};
