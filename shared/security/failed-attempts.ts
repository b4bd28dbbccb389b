/**
 * Slows peers that present wrong credentials. Secrets of 256 bits can't be guessed; slowing keeps the attempts cheap for the
 * server. Right credentials are never slowed, so a neighbour's attempts lock no honest peer out.
 */

/** Attempts that are answered at once: a typing mistake, a token that was just replaced. */
const freeAttempts = 3;
const firstDelayMs = 250;
const mostDelayMs = 8_000;
/** An address without a failure for so long starts anew. */
const forgetMs = 60_000;
/** More are not remembered: the longest quiet one is dropped. */
const mostAddresses = 1_024;

/** Counts failed attempts by address, and says how long the next answer is held back. */
export class FailedAttempts {
  /** Failures by address; the address that was quiet for the longest time comes first. */
  readonly #failures = new Map<string, { count: number; lastMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Counts a failure. Returns for how many milliseconds its answer is held back. */
  recordFailure(address: string): number {
    const nowMs = this.#nowMs();
    const former = this.#failures.get(address);
    const isRecent = former !== undefined && nowMs - former.lastMs < forgetMs;
    const count = (isRecent ? former.count : 0) + 1;
    this.#failures.delete(address);
    this.#failures.set(address, { count, lastMs: nowMs });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > mostAddresses && oldest !== undefined) this.#failures.delete(oldest);
    if (count <= freeAttempts) return 0;
    return Math.min(mostDelayMs, firstDelayMs * 2 ** (count - freeAttempts - 1));
  }

  /** Addresses that are remembered. */
  get size(): number {
    return this.#failures.size;
  }
}
