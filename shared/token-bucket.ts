/**
 * Token buckets: how many messages a second are taken from one peer, and how many at once after a silence. A faster peer
 * is not refused; it waits, held back by the flow control of its stream, so that no message is lost.
 */
import type { Clock } from "./clock.js";

/** The rate and burst of a token bucket. */
export interface RateLimit {
  readonly perSecond: number;
  /** Taken without a wait after a silence. */
  readonly burst: number;
}

/** Limits how often something happens. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #limit: RateLimit;
  #left: number;
  #sinceMs: number;

  constructor(clock: Clock, limit: RateLimit) {
    this.#clock = clock;
    this.#limit = limit;
    this.#left = limit.burst;
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
    const { perSecond, burst } = this.#limit;
    this.#left = Math.min(burst, this.#left + ((nowMs - this.#sinceMs) * perSecond) / 1_000);
    this.#sinceMs = nowMs;
  }
}

/** One token bucket per name. When there are too many names, the one that was idle for longest is dropped. */
export class TokenBucketsByName {
  readonly #clock: Clock;
  readonly #limit: RateLimit;
  readonly #mostNames: number;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock, limit: RateLimit, mostNames: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#mostNames = mostNames;
  }

  of(name: string): TokenBucket {
    const bucket = this.#buckets.get(name) ?? new TokenBucket(this.#clock, this.#limit);
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    const [longestQuiet] = this.#buckets.keys();
    if (this.#buckets.size > this.#mostNames && longestQuiet !== undefined)
      this.#buckets.delete(longestQuiet);
    return bucket;
  }
}
