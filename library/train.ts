/** Trains a run with workers on this machine, for a program. `trainyard train` does the same and shows it. */
import { findDevice } from "../engine/native/find-device.js";
import { TrainyardError } from "../shared/errors.js";
import { findPublication } from "../shared/publication.js";
import { RunResult } from "../shared/result.js";
import { defaultStore } from "../shared/settings/process-settings.js";
import { readProgramOptions } from "../shared/settings/program-options.js";
import type { RunStatus } from "../shared/status.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type CommonOptions, openGivenStore } from "./common-options.js";
import { interruptionOf, withInterruption } from "./interruption.js";
import { LocalTraining, spareWorkersNotice } from "./local-training.js";
import { checkTrainingRequest, prepareTraining } from "./run-preparation.js";
import type { TrainSettings } from "./train-options.js";
import { trainSettings } from "./train-settings.js";
import { type TrainingEvent, TrainingEvents } from "./training-events.js";

/** Either `dataset` or `resume` is given; every other setting has a default. */
export type TrainOptions = TrainSettings & Omit<CommonOptions, "onNotice">;

/** A run that is being trained. It goes on whether or not its events are read. */
export interface TrainingRun {
  /** The run's whole name. */
  readonly run: string;
  /** Address of the run's live page, while it is trained. */
  readonly page: string;
  /** Folder with the logs of coordinator and workers. */
  readonly logFolder: string;
  /** Progress, epochs and notices in their order, for one reader. Iteration ends with the run and never throws. */
  readonly events: AsyncIterable<TrainingEvent>;
  /**
   * What came of the run, once it has finished and its processes have ended. Rejects with a TrainyardError: INTERRUPTED when
   * it was stopped, by `signal` or otherwise (`train({ resume: run })` goes on with it); FAILED when it failed.
   */
  readonly result: Promise<RunResult>;
}

/** Four times a second. */
const pollMs = 250;

/**
 * Trains a run with worker processes on this machine. Resolves when the coordinator has started; the training goes on, as
 * `events` and `result` tell. `signal` stops the run after its current step, with a checkpoint. Errors: USAGE for an option,
 * NOT_FOUND for data set or run, ALREADY_EXISTS, SETUP without TensorFlow, INTERRUPTED, the store's.
 */
export async function train(options: TrainOptions): Promise<TrainingRun> {
  const { store: url = defaultStore, signal, ...given } = options;
  const { flags, written } = readProgramOptions(trainSettings, given);
  const events = new TrainingEvents();
  const onNotice = (message: string) => events.notice(message);
  const { store, spec, training } = await withInterruption(signal, async (ours) => {
    checkTrainingRequest({ flags, written });
    const { sentence, isNews } = await findDevice(flags.device);
    if (isNews) onNotice(sentence);
    const store = await openGivenStore({ store: url, onNotice }, ours, "write");
    const prepared = await prepareTraining(store, { flags, written }, ours);
    for (const note of prepared.notes) onNotice(note);
    const spares = spareWorkersNotice(prepared.spec, flags.workers);
    if (spares !== null) onNotice(spares);
    const local = { ...flags, ...prepared, store: url, onNotice };
    const started = LocalTraining.start(store, prepared.spec, local, signal ?? ours);
    const training = await started.catch((error: unknown) => {
      throw ours.aborted ? ours.reason : error;
    });
    for (const note of training.addresses.notes) onNotice(note);
    return { store, spec: prepared.spec, training };
  });
  const ended = training.untilEnd({ pollMs, onStatus: (status) => events.status(status) });
  const result = ended.then((end) => resultOf(store, spec.run, end, signal)).finally(() => events.end());
  result.catch(() => undefined); // the program may read events first, and the result later
  const page = `http://${training.addresses.http}/`;
  return { run: spec.run, page, logFolder: training.logFolder, events, result };
}

async function resultOf(
  store: ObjectStore,
  run: string,
  end: RunStatus,
  signal: AbortSignal | undefined,
): Promise<RunResult> {
  if (end.phase === "stopped") {
    throw signal?.aborted
      ? interruptionOf(signal.reason)
      : new TrainyardError("INTERRUPTED", `the run ${run} was stopped: ${end.message ?? "by request"}`);
  }
  if (end.phase !== "finished") {
    throw new TrainyardError("FAILED", `the run ${run} failed: ${end.message ?? "without a reason"}`);
  }
  const told = RunResult.safeParse(end.result);
  const result = told.success ? told.data : (await findPublication(store, run))?.result;
  if (result === undefined) throw new TrainyardError("FAILED", `the run ${run} has published no result`);
  return result;
}
