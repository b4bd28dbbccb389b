/**
 * Of all standing coordinators of a store one serves its queue: who holds it is written down as a run's owner is, under a
 * name that no run can have. Whoever comes second waits, and takes it when the other is gone or gives no sign of life.
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

/** Names of runs begin with a letter or digit. */
const queueName = ".queue";

export interface QueueOwnershipOptions {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** This one's, as others reach it. */
  readonly addresses: { readonly address: string; readonly http: string };
  readonly ask: NonNullable<TakeoverOptions["ask"]>;
}

/** Waits until nobody else holds the queue. Errors: INTERRUPTED by the signal; the store's, outages excepted. */
export async function ownQueue(options: QueueOwnershipOptions): Promise<Ownership> {
  const { clock, logger, signal } = options;
  let said = "";
  for (;;) {
    throwIfAborted(signal, "waiting for the queue");
    const holding = await takeQueue(options).catch((caught: unknown) => {
      const error = asTrainyardError(caught);
      if (error.code !== "ALREADY_EXISTS" && !isOutage(error)) throw error;
      if (error.message !== said)
        logger.warn(`waiting for the queue of ${options.store.url}: ${error.message}`);
      said = error.message;
      return null;
    });
    if (holding !== null) return holding;
    await clock.sleep(limits.takeoverPollMs, signal);
  }
}

/** Errors: ALREADY_EXISTS when another one holds it; INTERRUPTED; the store's. */
async function takeQueue(options: QueueOwnershipOptions): Promise<Ownership> {
  const { store, clock, logger, signal, ask, addresses } = options;
  const subject = "the queue";
  const onWaiting = (sentence: string) => logger.warn(sentence);
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
