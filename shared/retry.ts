/**
 * Repeating a call that failed for a passing reason: exponential back-off with jitter inside one overall deadline.
 * Which errors pass, and whether a repeat is safe, is the caller's to say.
 */
import { setMaxListeners } from "node:events";
import { TrainyardError } from "./errors.js";

/** How a call is repeated. */
export interface RetryOptions {
  /** Time for all attempts together. */
  readonly deadlineMs: number;
  /** First pause; doubled after each attempt. */
  readonly pauseMinMs?: number;
  readonly pauseMaxMs?: number;
  readonly isRetryable: (error: unknown) => boolean;
  readonly signal?: AbortSignal | undefined;
  /** What is attempted, for the message of an interruption: "put of runs/a/spec.json". */
  readonly what: string;
}

/**
 * Runs `attempt` until it succeeds, fails for good, or the deadline leaves no room for another pause; then the last
 * error is thrown. The signal given to an attempt also ends it at the deadline; the error before that says more, if there
 * was one. Errors: INTERRUPTED on abort.
 */
export async function retry<T>(
  attempt: (signal: AbortSignal) => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const end = performance.now() + options.deadlineMs;
  const { signal, release } = withDeadline(options.signal, options.deadlineMs);
  let former: unknown;
  try {
    for (let pause = options.pauseMinMs ?? 100; ; pause = Math.min(2 * pause, options.pauseMaxMs ?? 2_000)) {
      throwIfAborted(options.signal, options.what);
      try {
        return await attempt(signal);
      } catch (error) {
        throwIfAborted(options.signal, options.what);
        if (signal.aborted) throw former ?? error;
        former = error;
        const jittered = pause * (0.5 + Math.random() / 2);
        if (!options.isRetryable(error) || performance.now() + jittered >= end) throw error;
        await delay(jittered, options.signal, options.what);
      }
    }
  } finally {
    release();
  }
}

/** A signal that also aborts at the deadline. Released, unlike AbortSignal.any, it leaves nothing on a long-lived one. */
function withDeadline(source: AbortSignal | undefined, deadlineMs: number) {
  const controller = new AbortController();
  const onAbort = () => controller.abort(source?.reason);
  const onDeadline = () => controller.abort(new DOMException("the deadline passed", "TimeoutError"));
  const timer = setTimeout(onDeadline, deadlineMs);
  if (source?.aborted) onAbort();
  else if (source !== undefined) shareSignal(source).addEventListener("abort", onAbort, { once: true });
  const release = () => {
    clearTimeout(timer);
    source?.removeEventListener("abort", onAbort);
  };
  return { signal: controller.signal, release };
}

/** Lets any number of calls listen to one signal. Node would warn of a leak beyond ten listeners. */
export function shareSignal(signal: AbortSignal): AbortSignal {
  setMaxListeners(0, signal);
  return signal;
}

/** Waits; rejects at once when the signal aborts. */
export function delay(milliseconds: number, signal?: AbortSignal, what = "a wait"): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(interruption(signal, what));
    const onAbort = () => {
      clearTimeout(timer);
      reject(interruption(signal as AbortSignal, what));
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, milliseconds);
    if (signal !== undefined) shareSignal(signal).addEventListener("abort", onAbort, { once: true });
  });
}

/** The error of an aborted signal: its own reason where that already is a sentence, else INTERRUPTED. */
export function interruption(signal: AbortSignal, what: string): TrainyardError {
  const reason: unknown = signal.reason;
  if (reason instanceof TrainyardError) return reason;
  return new TrainyardError("INTERRUPTED", `${what} was interrupted`, { cause: reason });
}

/** Throws when the signal was aborted. Errors: the signal's reason, or INTERRUPTED. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted) throw interruption(signal, what);
}
