/**
 * What the program that starts a standing coordinator provides: how flags become a stored run, and how a stored run is
 * described. Both need rooms that the coordinator does not import.
 */
import type { RunStatus } from "../../shared/status.js";

/** A run that was created from flags. */
export interface CreatedRun {
  readonly run: string;
  /** False: it was there already, with the same settings. */
  readonly isNew: boolean;
  /** Sentences for the person who submitted the run. */
  readonly notes: readonly string[];
}

/** Asks the coordinator at an HTTP address for a run's status. Errors: UNREACHABLE. */
export type AskStatus = (http: string, run: string, signal?: AbortSignal) => Promise<RunStatus>;

/** Creates and describes the runs of a store. */
export interface RunCatalogue {
  /**
   * Stores a new run of a data set. `flags`: by name, as a command line parsed them; checked here once more. Errors:
   * NOT_FOUND (data set, with the nearest name), USAGE (flags), ALREADY_EXISTS (a run with other settings).
   */
  create(dataset: string, flags: unknown, signal: AbortSignal): Promise<CreatedRun>;
  /** Run, spec and state, as plain values. Errors: NOT_FOUND with the nearest name, DAMAGED, the store's. */
  describe(run: string, ask: AskStatus, signal: AbortSignal): Promise<object>;
  /** The last status of a run that has ended; null while it has not. Errors: NOT_FOUND, DAMAGED, the store's. */
  end(run: string): Promise<RunStatus | null>;
}
