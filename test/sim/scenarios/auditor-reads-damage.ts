/** One machine can't read what others can, while every sum is audited: its audits are dropped, and the run has all bits. */
import { at, type Scenario, usual } from "./scenario.js";

export const auditorReadsDamage: Scenario = {
  promise: "an auditor that can't read samples holds up no step and changes no bit",
  setup: { ...usual, workers: 3, audit: 1 },
  isAudited: true,
  seed: 1,
  faults: [at(1.3, { act: "unreadable samples", worker: 1, every: 2, forMs: 60_000 })],
};
