/**
 * The store keys of a run's workers: asked for before workers are welcomed, renewed long before they expire, and made
 * anew with the right to write for an export. What the keys are and who makes them: shared/store/worker-keys.ts.
 */
import type { Clock } from "../shared/clock.js";
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import type { KeyIssuer, WorkerKeys } from "../shared/store/worker-keys.js";

/** Settings of a run's keys. */
export interface RunKeysOptions {
  readonly issuer: KeyIssuer;
  readonly run: string;
  /** Name of the run's data set. */
  readonly dataset: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The store keys of a run's workers. */
export class RunKeys {
  readonly #options: RunKeysOptions;
  readonly #closing = new AbortController();
  #current: { readonly keys: WorkerKeys; readonly issuedMs: number } | null = null;
  #isOffered = true;
  #onRenewed: () => void = () => undefined;
  #callOff: () => void = () => undefined;

  constructor(options: RunKeysOptions) {
    this.#options = options;
  }

  /** False where the store makes no such keys: workers use their own. */
  get isOffered(): boolean {
    return this.#isOffered;
  }

  /** The keys that are valid now, with the time that is left of them; null when there are none yet. */
  get current(): WorkerKeys | null {
    if (this.#current === null) return null;
    const { keys, issuedMs } = this.#current;
    if (keys.validSeconds === 0) return keys;
    const passedSeconds = Math.ceil((this.#options.clock.nowMs() - issuedMs) / 1000);
    const validSeconds = keys.validSeconds - passedSeconds;
    return validSeconds > 0 ? { ...keys, validSeconds } : null;
  }

  /** Asks for the first keys. `onRenewed` is called with each later ones. Never rejects: a store that is away is asked again. */
  async begin(onRenewed: () => void): Promise<void> {
    this.#onRenewed = onRenewed;
    const { issuer, logger } = this.#options;
    if (issuer.kind === "static")
      logger.warn(
        "workers get the coordinator's own store keys (--worker-keys static): they can do all that these allow",
      );
    await this.#renew();
  }

  /** Keys that also write the export. Errors: STORE_UNREACHABLE, STORE_DENIED. */
  async forExport(): Promise<WorkerKeys> {
    return await this.#issue(true);
  }

  close(): void {
    this.#callOff();
    this.#closing.abort(new TrainyardError("INTERRUPTED", "the run is over"));
  }

  async #renew(): Promise<void> {
    const { clock, logger } = this.#options;
    try {
      const issuedMs = clock.nowMs();
      const keys = await this.#issue(false);
      this.#current = { keys, issuedMs };
      this.#onRenewed();
      // A third of their time: two tries may fail before any worker is without.
      if (keys.validSeconds > 0) this.#again((keys.validSeconds * 1000) / 3);
    } catch (caught) {
      if (this.#closing.signal.aborted) return;
      const { code, message } = asTrainyardError(caught);
      if (code === "STORE_UNREACHABLE" || this.#current !== null) {
        logger.warn(`${message}; asking again`);
        return this.#again(limits.storeRetryMs);
      }
      this.#isOffered = false;
      logger.warn(
        `${message}: workers use the keys of their own environment (--worker-keys own says that this is meant)`,
      );
    }
  }

  #again(ms: number): void {
    if (!this.#closing.signal.aborted)
      this.#callOff = this.#options.clock.after(ms, () => void this.#renew());
  }

  async #issue(mayExport: boolean): Promise<WorkerKeys> {
    const { issuer, run, dataset } = this.#options;
    return await issuer.issue({ run, dataset, mayExport }, this.#closing.signal);
  }
}
