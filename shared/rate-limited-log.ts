/**
 * Log lines that strangers can cause: a few a minute, the rest is counted. Who floods a port fills no disk, and what an
 * operator has to know of it is there.
 */
import { type Clock, realClock } from "./clock.js";
import type { Logger } from "./log.js";

const linesPerMinute = 20;
const minuteMs = 60_000;

export class ScarceLog {
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
