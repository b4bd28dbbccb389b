/** What a checker is: it looks at a simulation, and says in sentences what is wrong. */
import type { Simulation } from "../simulation.js";

/** The same run without faults, by one worker. */
export interface UnbrokenRun {
  /** CRC-32C of the weights by step, as the curve has them. */
  readonly checksums: readonly number[];
  /** Of the exported weights. */
  readonly exported: string;
  /** result.json's, without what depends on time and workers. */
  readonly outcome: string;
}

export interface Checker {
  /** Looks after an event: cheap. Null = all is well. */
  look?(simulation: Simulation): string | null;
  /** Looks at a run that is over. */
  atEnd?(simulation: Simulation, unbroken: UnbrokenRun): string | null;
}
