/**
 * The store keys that a coordinator has given this worker. They hold for a quarter of an hour; without new ones the
 * worker asks the store for nothing more and only looks for a coordinator. Keys of an export hold while it is written.
 */
import type { Clock } from "../shared/clock.js";
import { TrainyardError } from "../shared/errors.js";
import { interruption, shareSignal } from "../shared/retry.js";
import { ownVariables, type S3Credentials } from "../shared/store/s3-credentials.js";
import type { WorkerKeys } from "../shared/store/worker-keys.js";

interface Received {
  readonly keys: WorkerKeys;
  readonly untilMs: number;
}

/** The store keys from the coordinator. */
export class ReceivedKeys {
  readonly #clock: Clock;
  #reading: Received | null = null;
  #exporting: Received | null = null;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A coordinator has given keys, valid or not by now. */
  get areGiven(): boolean {
    return this.#reading !== null;
  }

  /** Keys were given, and the store takes them no more. */
  get haveExpired(): boolean {
    return this.areGiven && this.#valid === null;
  }

  /** Takes keys that read the run and its data set. */
  take(keys: WorkerKeys): void {
    this.#reading = this.#received(keys);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Takes keys that write the export, for as long as `work` runs. */
  async exporting<T>(keys: WorkerKeys | null, work: () => Promise<T>): Promise<T> {
    this.#exporting = keys === null ? null : this.#received(keys);
    try {
      return await work();
    } finally {
      this.#exporting = null;
    }
  }

  /** Resolves when there are keys. Errors: INTERRUPTED by the signal. */
  async untilGiven(signal: AbortSignal): Promise<void> {
    if (this.areGiven) return;
    await new Promise<void>((resolve, reject) => {
      const abort = () => reject(interruption(signal, "waiting for the store's keys"));
      if (signal.aborted) return abort();
      shareSignal(signal).addEventListener("abort", abort, { once: true });
      this.#waiting.push(() => {
        signal.removeEventListener("abort", abort);
        resolve();
      });
    });
  }

  /** The keys for the next request. Errors: STORE_UNREACHABLE when they have expired. */
  credentials(): S3Credentials {
    const valid = this.#valid;
    if (valid === null) {
      const sentence =
        "the store keys from the coordinator have expired: the worker needs its coordinator for new ones";
      throw new TrainyardError("STORE_UNREACHABLE", sentence);
    }
    const { accessKey, secretKey, sessionToken, region } = valid.keys;
    return {
      accessKey,
      secretKey,
      sessionToken: sessionToken === "" ? undefined : sessionToken,
      region,
      variables: ownVariables,
    };
  }

  get #valid(): Received | null {
    const nowMs = this.#clock.nowMs();
    return [this.#exporting, this.#reading].find((held) => held !== null && held.untilMs > nowMs) ?? null;
  }

  #received(keys: WorkerKeys): Received {
    const { validSeconds } = keys;
    const untilMs = validSeconds === 0 ? Number.POSITIVE_INFINITY : this.#clock.nowMs() + validSeconds * 1000;
    return { keys, untilMs };
  }
}
