/**
 * Work of a session, one piece after another in the order in which it was given. What a piece of work does, and what
 * its failure means, is the caller's.
 */
import type { Clock } from "../shared/clock.js";

export interface AssignmentQueueOptions {
  readonly clock: Clock;
  /** Called with the seconds that the queue stood empty, as the next piece of work begins. */
  readonly onWait: (seconds: number) => void;
}

export class AssignmentQueue {
  readonly #options: AssignmentQueueOptions;
  /** Resolves when all work so far has ended, with the time of that; null while there was no work yet. */
  #idleSinceMs: Promise<number | null> = Promise.resolve(null);

  constructor(options: AssignmentQueueOptions) {
    this.#options = options;
  }

  /** Begins `work` once all work before it has ended. `work` must not reject. */
  add(work: () => Promise<void>): void {
    const { clock, onWait } = this.#options;
    this.#idleSinceMs = this.#idleSinceMs.then(async (idleSinceMs) => {
      if (idleSinceMs !== null) onWait((clock.nowMs() - idleSinceMs) / 1000);
      await work();
      return clock.nowMs();
    });
  }
}
