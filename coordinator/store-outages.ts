/** Repeats a call through an outage of the store, with a log line for each attempt, until a deadline. */
import type { Clock } from "../shared/clock.js";
import { asTrainyardError, isStoreOutage, TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";

/** What a call that is repeated through outages needs. */
export interface OutageRetryOptions {
  /** "the result", as in "the result could not be written". */
  readonly what: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
  /** Called with the reason when a call failed and is going to be repeated. */
  readonly onRetry?: (reason: string) => void;
}

/** True for errors that say that the store is down, and may pass. */
export const isOutage = (error: unknown) => error instanceof TrainyardError && isStoreOutage(error.code);

/** Repeats `act`, which must be safe to repeat, while the store is down. Errors: those of `act`; an outage after `limits.storeOutageMs`. */
export async function retryThroughOutages<T>(options: OutageRetryOptions, act: () => Promise<T>): Promise<T> {
  const { what, clock, logger, onRetry } = options;
  const endMs = clock.nowMs() + limits.storeOutageMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const leftMs = endMs - clock.nowMs() - limits.storeRetryMs;
      if (!isOutage(error) || leftMs <= 0) throw error;
      const minutes = (leftMs / 60_000).toFixed(1);
      const reason = asTrainyardError(error).message;
      onRetry?.(reason);
      logger.warn(`${what} could not be written, trying again for ${minutes} minutes more: ${reason}`);
      await clock.sleep(limits.storeRetryMs);
    }
  }
}
