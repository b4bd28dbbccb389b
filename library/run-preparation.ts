/** The run that `train` is asked for: a new one, or one that is resumed. */
import { changesOf, changeWords, refuseDecided, resumableRun } from "../runs/resume.js";
import { createRun } from "../runs/run-creation.js";
import { TrainyardError } from "../shared/errors.js";
import type { RunFlags } from "../shared/settings/run-settings.js";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** The settings of a training, and which of them were given. */
export interface TrainingRequest {
  readonly flags: RunFlags & { readonly dataset?: string | undefined; readonly resume?: string | undefined };
  /** Names of the settings that were given, as a command line writes them. Only these may change a resumed run. */
  readonly written: ReadonlySet<string>;
}

/** A run in the store that a local cluster can be started for. */
export interface PreparedTraining {
  readonly spec: RunSpec;
  /** Sentences for people, before the cluster is started. */
  readonly notes: readonly string[];
  /** Flags of the coordinator for the settings that change; empty for a new run. */
  readonly changes: readonly string[];
  readonly isResumed: boolean;
}

/** Refuses a request that names no run or too much. Reads nothing. Errors: USAGE. */
export function checkTrainingRequest({ flags, written }: TrainingRequest): void {
  if (flags.resume === undefined && flags.dataset === undefined) {
    throw new TrainyardError("USAGE", "name a data set, or a run with --resume: trainyard train faces");
  }
  if (flags.resume === undefined) return;
  if (flags.dataset !== undefined) {
    throw new TrainyardError(
      "USAGE",
      "--resume takes the data set of its run: leave the data set's name out",
    );
  }
  refuseDecided(flags.resume, written);
}

/**
 * Stores a new run, or finds the one to resume. Errors: those of `checkTrainingRequest`, NOT_FOUND for data set or run,
 * ALREADY_EXISTS when the name is taken or the run has finished or has a coordinator.
 */
export async function prepareTraining(
  store: ObjectStore,
  request: TrainingRequest,
  signal: AbortSignal,
): Promise<PreparedTraining> {
  checkTrainingRequest(request);
  const { flags, written } = request;
  if (flags.resume === undefined) {
    const { spec, notes } = await createRun(store, flags.dataset ?? "", flags, { signal });
    return { spec, notes, changes: [], isResumed: false };
  }
  const changes = changesOf(flags, written);
  const { spec, notes } = await resumableRun(store, flags.resume, changes, signal);
  return { spec, notes, changes: changeWords(changes), isResumed: true };
}
