/**
 * Whether a worker's run has ended, asked of the store while no coordinator answers: a worker that comes back after the
 * end learns of it here. It never stands in the way of looking for the coordinator, and changes nothing.
 */
import type { Clock } from "../shared/clock.js";
import { asTrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import { findPublication } from "../shared/publication.js";
import type { ObjectStore } from "../shared/store/object-store.js";

export interface RunLocation {
  readonly run: string;
  /** URL of the store that holds it. */
  readonly store: string;
}

export interface RunEnd {
  readonly outcome: string;
  readonly message: string;
}

export interface EndWatchOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Errors: those of openStore. */
  readonly openStore: (url: string, signal: AbortSignal) => Promise<ObjectStore>;
}

export class EndWatch {
  readonly #options: EndWatchOptions;
  #isLooking = false;
  #notBeforeMs = 0;
  #found: RunEnd | null = null;
  #stores = new Map<string, Promise<ObjectStore>>();

  constructor(options: EndWatchOptions) {
    this.#options = options;
  }

  /** What is known; looks again meanwhile, every `limits.endLookupMs` at most. */
  glance(place: RunLocation): RunEnd | null {
    const { clock } = this.#options;
    if (!this.#isLooking && clock.nowMs() >= this.#notBeforeMs) void this.look(place);
    return this.#found;
  }

  /** Null: the run goes on, or the store does not say, which is logged. Only a finished run never goes on. */
  async look({ run, store }: RunLocation): Promise<RunEnd | null> {
    const { clock, logger, signal } = this.#options;
    this.#isLooking = true;
    try {
      const publication = await findPublication(await this.#opened(store), run, signal);
      if (publication !== null)
        this.#found = { outcome: publication.result.outcome, message: publication.result.reason };
    } catch (error) {
      if (!signal.aborted)
        logger.debug(`can't see whether ${run} has finished: ${asTrainyardError(error).message}`);
    } finally {
      this.#isLooking = false;
      this.#notBeforeMs = clock.nowMs() + limits.endLookupMs;
    }
    return this.#found;
  }

  #opened(url: string): Promise<ObjectStore> {
    const known = this.#stores.get(url);
    if (known !== undefined) return known;
    const opened = this.#options.openStore(url, this.#options.signal);
    this.#stores.set(url, opened);
    opened.catch(() => this.#stores.delete(url)); // the next look tries again
    return opened;
  }
}
