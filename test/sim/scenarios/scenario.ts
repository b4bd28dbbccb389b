/**
 * A scenario: a setup, what happens when, and what the run must look like besides what every run must. It reads as the
 * transcript of what it is about.
 */
import { adamSpec } from "../../support/optimizers.js";
import type { FaultAct } from "../faults.js";
import type { Script } from "../plan.js";
import type { Setup } from "../setup.js";
import type { Simulation } from "../simulation.js";

export interface Scenario extends Script {
  /** "a killed worker's lanes are redone within the step". */
  readonly promise: string;
  /** Null: as it must be. */
  expect?(simulation: Simulation): string | null;
}

/** Two workers, four lanes, two epochs of five steps; the first step begins after about 1.2 s. */
export const usual: Setup = {
  dataset: { training: 37, validation: 70, shards: 3 },
  epochs: 2,
  lanes: 4,
  batchSize: 8,
  accumulation: 1,
  localSteps: null,
  wire: "float32",
  shuffleShards: 2,
  reducers: 1,
  filling: 0,
  optimizer: adamSpec,
  keep: 2,
  everySteps: null,
  audit: 0,
  earlyStopping: null,
  plateau: false,
  exportWeights: "last",
  seed: 7,
  workers: 2,
  stableIds: false,
};

export const at = (seconds: number, fault: FaultAct) => ({ ...fault, atMs: Math.round(seconds * 1000) });

/** Seconds from a moment to the next update of the weights. */
export function secondsToCommit(simulation: Simulation, fromSeconds: number): number {
  const next = simulation.updates.find(({ atMs }) => atMs > fromSeconds * 1000);
  return next === undefined ? Number.POSITIVE_INFINITY : next.atMs / 1000 - fromSeconds;
}

export const within = (what: string, found: number, most: number): string | null =>
  found <= most ? null : `${what} took ${found.toFixed(2)} s, more than ${most}`;
