/** A program's AbortSignal, turned into one whose reason is the library's own error. */
import { TrainyardError } from "../shared/errors.js";

/**
 * Runs `work` with a signal that aborts when the program's does. The reason is a TrainyardError INTERRUPTED, so that this is
 * what `work` throws. No listener stays at the program's signal.
 */
export async function withInterruption<T>(
  given: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(interruptionOf(given?.reason));
  if (given?.aborted) abort();
  else given?.addEventListener("abort", abort, { once: true });
  try {
    controller.signal.throwIfAborted();
    return await work(controller.signal);
  } finally {
    given?.removeEventListener("abort", abort);
  }
}

/** The error for a signal that was aborted for this reason: the reason itself where it is one of ours. */
export const interruptionOf = (reason: unknown): TrainyardError =>
  reason instanceof TrainyardError
    ? reason
    : new TrainyardError("INTERRUPTED", "interrupted by its AbortSignal", { cause: reason });
