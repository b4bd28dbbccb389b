/**
 * How fast messages of one peer are taken: so many a second, and a burst before that. Whoever is faster is not refused
 * but waits, held back by the stream's window, so that nothing is lost of a worker that has much to say.
 */
import type { Clock } from "./clock.js";

export interface PaceLimit {
  readonly perSecond: number;
  /** Taken without a wait after a silence. */
  readonly atOnce: number;
}

export class Pace {
  readonly #clock: Clock;
  readonly #limit: PaceLimit;
  #left: number;
  #sinceMs: number;

  constructor(clock: Clock, limit: PaceLimit) {
    this.#clock = clock;
    this.#limit = limit;
    this.#left = limit.atOnce;
    this.#sinceMs = clock.nowMs();
  }

  /** Resolves when the next message may be taken. */
  async next(): Promise<void> {
    if (this.#left < 1) this.#refill();
    while (this.#left < 1) {
      await this.#clock.sleep(Math.ceil(1_000 / this.#limit.perSecond));
      this.#refill();
    }
    this.#left -= 1;
  }

  #refill(): void {
    const nowMs = this.#clock.nowMs();
    const { perSecond, atOnce } = this.#limit;
    this.#left = Math.min(atOnce, this.#left + ((nowMs - this.#sinceMs) * perSecond) / 1_000);
    this.#sinceMs = nowMs;
  }
}

/** A pace for each name; of too many names the one that was quiet for longest is forgotten. */
export class PacesByName {
  readonly #clock: Clock;
  readonly #limit: PaceLimit;
  readonly #mostNames: number;
  readonly #paces = new Map<string, Pace>();

  constructor(clock: Clock, limit: PaceLimit, mostNames: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#mostNames = mostNames;
  }

  of(name: string): Pace {
    const pace = this.#paces.get(name) ?? new Pace(this.#clock, this.#limit);
    this.#paces.delete(name);
    this.#paces.set(name, pace);
    const [longestQuiet] = this.#paces.keys();
    if (this.#paces.size > this.#mostNames && longestQuiet !== undefined) this.#paces.delete(longestQuiet);
    return pace;
  }
}
