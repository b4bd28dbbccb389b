/** Queued runs wait for their turn without an end, because a person decides: a lasting wait, logged once a minute. */
import type { Clock } from "../../shared/clock.js";
import { lastingWaitLogMs } from "../../shared/lasting-waits.js";
import type { Logger } from "../../shared/log.js";

interface WaitingRuns {
  readonly clock: Clock;
  readonly logger: Pick<Logger, "info">;
  /** The queue now: the run that is carried out first, then those that wait. */
  readonly entries: () => readonly { readonly run: string }[];
}

/** Names the runs that wait, once a minute while there are some. Returns how to stop it. */
export function logWaitingRuns({ clock, logger, entries }: WaitingRuns): () => void {
  return clock.every(lastingWaitLogMs, () => {
    const [first, ...waiting] = entries();
    if (first === undefined || waiting.length === 0) return;
    const names = waiting.map(({ run }) => run).join(", ");
    logger.info(`waiting for their turn behind the run ${first.run}: ${names}`);
  });
}
