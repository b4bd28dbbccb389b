/**
 * One standing coordinator of a store serves its queue. Its ownership is recorded as that of a run, under a name that
 * no run can have. A second coordinator waits, and takes the queue when the first is gone or gives no sign of life.
 */
import { hostname } from "node:os";
import type { Clock } from "../../shared/clock.js";
import { asTrainyardError } from "../../shared/errors.js";
import type { GenerationRecord } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import type { Logger } from "../../shared/log.js";
import { throwIfAborted } from "../../shared/retry.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { Ownership } from "../ownership/ownership.js";
import { findVacancy, type TakeoverOptions } from "../ownership/takeover.js";
import { isOutage } from "../store-outages.js";

/** The name under which the ownership of the queue is recorded. Names of runs begin with a letter or digit. */
export const queueName = ".queue";

/** What waiting for the queue, and taking it, needs. */
export interface QueueOwnershipOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** This one's, as others reach it. */
  readonly addresses: { readonly address: string; readonly http: string };
  readonly ask: NonNullable<TakeoverOptions["ask"]>;
}

/**
 * Waits until no other coordinator holds the queue, and takes it. Errors: INTERRUPTED by the signal; the store's,
 * except outages.
 */
export async function ownQueue(options: QueueOwnershipOptions): Promise<Ownership> {
  const { clock, logger, signal } = options;
  const said = new Set<string>();
  const sayOnce = (sentence: string) => {
    if (!said.has(sentence)) logger.warn(sentence);
    said.add(sentence);
  };
  for (;;) {
    throwIfAborted(signal, "waiting for the queue");
    const holding = await takeQueue(options, sayOnce).catch((caught: unknown) => {
      const error = asTrainyardError(caught);
      if (error.code !== "ALREADY_EXISTS" && !isOutage(error)) throw error;
      sayOnce(`waiting for the queue of ${options.store.url}: ${error.message}`);
      return null;
    });
    if (holding !== null) return holding;
    await clock.sleep(limits.takeoverPollMs, signal);
  }
}

/** Errors: ALREADY_EXISTS when another one holds it; INTERRUPTED; the store's. */
async function takeQueue(
  options: QueueOwnershipOptions,
  onWaiting: (sentence: string) => void,
): Promise<Ownership> {
  const { store, clock, logger, signal, ask, addresses } = options;
  const subject = "the queue";
  const { last, notes } = await findVacancy({
    store,
    run: queueName,
    subject,
    clock,
    signal,
    ask,
    onWaiting,
  });
  for (const note of notes) logger.warn(note);
  const record: GenerationRecord = {
    generation: last + 1,
    ...addresses,
    host: hostname(),
    startedAt: clock.date().toISOString(),
    renewals: 0,
    changes: {},
  };
  return await Ownership.claim({ store, run: queueName, subject, clock, logger }, record);
}
