/** Repeats a call through an outage of the store, with a log line for each attempt, until a deadline. */
import type { Clock } from "../shared/clock.js";
import { isStoreOutage, TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";

/** What a call that is repeated through outages needs. */
export interface OutageRetryOptions {
  /** "the result", as in "the result could not be written". */
  readonly what: string;
  readonly clock: Clock;
  readonly logger: Pick<Logger, "warn">;
}

/** True for errors that say that the store is down, and may pass. */
export const isOutage = (error: unknown) => error instanceof TrainyardError && isStoreOutage(error.code);

/** Repeats `act`, which must be safe to repeat, while the store is down. Errors: those of `act`; an outage after `limits.storeOutageMs`. */
export async function retryThroughOutages<T>(options: OutageRetryOptions, act: () => Promise<T>): Promise<T> {
  const { what, clock, logger } = options;
  const endMs = clock.nowMs() + limits.storeOutageMs;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const leftMs = endMs - clock.nowMs() - limits.storeRetryMs;
      if (!isOutage(error) || leftMs <= 0) throw error;
      const minutes = (leftMs / 60_000).toFixed(1);
      logger.warn(
        `${what} could not be written, trying again for ${minutes} minutes more: ${(error as Error).message}`,
      );
      await clock.sleep(limits.storeRetryMs);
    }
  }
}
