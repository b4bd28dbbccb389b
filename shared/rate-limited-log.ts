/**
 * Log lines that unidentified peers can cause. A few per minute are written and the rest is counted, so that a flood of
 * connections fills no disk and an operator still sees it.
 */
import { type Clock, realClock } from "./clock.js";
import type { Logger } from "./log.js";

const linesPerMinute = 20;
const minuteMs = 60_000;

/** A logger that limits how often it warns. */
export class RateLimitedLog {
  readonly #logger: Pick<Logger, "warn">;
  readonly #clock: Clock;
  #sinceMs = Number.NEGATIVE_INFINITY;
  #said = 0;
  #leftOut = 0;

  constructor(logger: Pick<Logger, "warn">, clock: Clock = realClock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  warn(fields: Readonly<Record<string, string>>, sentence: string): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#sinceMs >= minuteMs) {
      if (this.#leftOut > 0)
        this.#logger.warn({}, `${this.#leftOut} more lines like the last ones were left out`);
      this.#sinceMs = nowMs;
      this.#said = 0;
      this.#leftOut = 0;
    }
    if (this.#said >= linesPerMinute) {
      this.#leftOut += 1;
      return;
    }
    this.#said += 1;
    this.#logger.warn({ ...fields }, sentence);
  }
}
