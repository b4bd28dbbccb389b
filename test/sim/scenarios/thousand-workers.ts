/** A thousand workers join a run within one second, and all but the first leave again within another. */
import type { Fault } from "../faults.js";
import { type Scenario, usual } from "./scenario.js";

export const fleetSize = 1_000;

export const thousandWorkers: Scenario = {
  promise: "a thousand workers may join within a second, and leave",
  setup: {
    ...usual,
    dataset: { training: 640, validation: 130, shards: 3 },
    lanes: 16,
    batchSize: 32,
    workers: 1,
  },
  seed: 1,
  faults: [
    ...Array.from({ length: fleetSize }, (_, i): Fault => ({ act: "new worker", atMs: 2_000 + i })),
    ...Array.from(
      { length: fleetSize },
      (_, i): Fault => ({ act: "remove worker", worker: 2, atMs: 6_000 + i }),
    ),
  ],
};
