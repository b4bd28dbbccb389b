/**
 * A worker's search for its coordinator: how long the pause before the next attempt is, what the log says meanwhile, and
 * when the worker gives up.
 */
import type { Clock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import type { Logger } from "../shared/log.js";
import { type ClientSecurity, noSecurity } from "../shared/security/client-security.js";
import type { WorkerDependencies } from "./dependencies.js";

export interface CoordinatorSearchOptions {
  /** host:port. */
  readonly coordinator: string;
  readonly security?: ClientSecurity;
  /** How long the worker goes on without an answer. Default: limits.firstConnectMs. */
  readonly connectTimeoutMs?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Aborting it ends a pause. */
  readonly signal: AbortSignal;
  readonly diagnose?: WorkerDependencies["diagnose"];
}

export class CoordinatorSearch {
  readonly #options: CoordinatorSearchOptions;
  /** When a coordinator last answered; at first, when the search began. */
  #answeredMs: number;
  /** When the log last said that the search goes on. */
  #loggedMs: number;
  #pauseMs: number = limits.reconnectMinMs;
  /** What is wrong with the connection, as found at the first attempt of this search. */
  #fault: string | undefined;

  constructor(options: CoordinatorSearchOptions) {
    this.#options = options;
    this.#answeredMs = options.clock.nowMs();
    this.#loggedMs = this.#answeredMs;
  }

  /** The connection to a coordinator was lost: the search begins anew. */
  restart(reason: string): void {
    const { clock, logger } = this.#options;
    logger.warn(`lost the coordinator: ${reason}; looking for it again`);
    this.#answeredMs = clock.nowMs();
    this.#loggedMs = this.#answeredMs;
    this.#pauseMs = limits.reconnectMinMs;
  }

  /** A coordinator answered that the worker has to wait, so the time to connect begins anew. */
  async pauseAsTold(reason: string): Promise<void> {
    this.#answeredMs = this.#options.clock.nowMs();
    await this.pause(reason);
  }

  /** No coordinator answered. Errors: REFUSED for a fault of the connection that stays, UNREACHABLE when the time to connect is up. */
  async pauseUnanswered(reason: string): Promise<void> {
    await this.pause(await this.#explain(reason));
  }

  /** Waits until the next attempt, each time for longer. Errors: UNREACHABLE when the time to connect is up. */
  async pause(reason: string): Promise<void> {
    const { clock, logger, signal, coordinator } = this.#options;
    this.#giveUpWhenTimeIsUp(reason);
    if (clock.nowMs() - this.#loggedMs >= limits.lookingNoteMs) {
      logger.info(`still looking for a run at ${coordinator}: ${reason}`);
      this.#loggedMs = clock.nowMs();
    }
    await clock.sleep(this.#pauseMs, signal);
    this.#pauseMs = Math.min(this.#pauseMs * 2, limits.reconnectMaxMs);
  }

  /** The fault behind a failed connection, if there is one; looked for at a search's first attempt only. */
  async #explain(reason: string): Promise<string> {
    const { coordinator, security = noSecurity, logger, diagnose } = this.#options;
    if (this.#pauseMs > limits.reconnectMinMs) return this.#fault ?? reason;
    const fault = (await diagnose?.(coordinator, security)) ?? null;
    this.#fault = fault?.sentence;
    if (fault?.isFinal === true) throw new TrainyardError("REFUSED", fault.sentence);
    if (fault !== null) logger.warn(`${fault.sentence} Trying again`);
    return fault?.sentence ?? reason;
  }

  #giveUpWhenTimeIsUp(reason: string): void {
    const { clock, coordinator, connectTimeoutMs = limits.firstConnectMs } = this.#options;
    if (clock.nowMs() - this.#answeredMs < connectTimeoutMs) return;
    throw new TrainyardError(
      "UNREACHABLE",
      `no coordinator at ${coordinator} for ${connectTimeoutMs / 1000} s (${reason}): is it running, and is the address right?`,
    );
  }
}
