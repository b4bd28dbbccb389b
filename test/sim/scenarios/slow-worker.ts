/** One of three workers is ten times slower than the others, from the first step on. */
import type { Simulation } from "../simulation.js";
import { at, type Scenario, usual } from "./scenario.js";

const setup = { ...usual, dataset: { training: 320, validation: 0, shards: 3 }, lanes: 8, batchSize: 16 };

export const withSlowWorker: Scenario = {
  promise: "with a worker ten times slower",
  setup: { ...setup, workers: 3 },
  seed: 1,
  faults: [at(0, { act: "slow worker", worker: 3, factor: 10, forMs: 600_000 })],
};

export const withoutSlowWorker: Scenario = {
  promise: "without that worker",
  setup: { ...setup, workers: 2 },
  seed: 1,
  faults: [],
};

/** Mean seconds a step, from the fifth on which the slow worker took part. */
export function secondsPerStep({ updates }: Simulation): number {
  const [first, last] = [updates[9], updates.at(-1)];
  if (first === undefined || last === undefined) return Number.NaN;
  return (last.atMs - first.atMs) / 1000 / (last.step - first.step);
}
