/**
 * Looks in the store whether the worker's run has ended, while no coordinator answers. This is how a worker that comes
 * back after the end learns of it. Looking only reads, and does not delay the search for the coordinator.
 */
import type { Clock } from "../shared/clock.js";
import { asTrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import { findPublicationFrom } from "../shared/publication.js";
import type { ObjectStore } from "../shared/store/object-store.js";

export interface RunLocation {
  readonly run: string;
  /** URL of the store that holds it. */
  readonly store: string;
  /** The generation of the coordinator that welcomed the worker last. Default: none has. */
  readonly generation?: number;
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
  /** True while the worker has no valid keys for the store: then it is not asked. */
  readonly isShut?: () => boolean;
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

  /** Returns what is known and starts another look, if the last one ended limits.endLookupMs ago. Null: no end is known. */
  glance(place: RunLocation): RunEnd | null {
    const { clock } = this.#options;
    if (!this.#isLooking && clock.nowMs() >= this.#notBeforeMs) void this.look(place);
    return this.#found;
  }

  /** Looks now. Null: the run has not ended, or the store can't be read, which is logged. An end is final. */
  async look({ run, store, generation = 1 }: RunLocation): Promise<RunEnd | null> {
    const { clock, logger, signal, isShut = () => false } = this.#options;
    if (isShut()) return this.#found;
    this.#isLooking = true;
    try {
      const publication = await findPublicationFrom(await this.#opened(store), { run, generation }, signal);
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
