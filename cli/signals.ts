/**
 * Ctrl-C and SIGTERM as an AbortSignal. The first one asks the command to wind down (exit code 3), the second
 * one ends the process at once.
 */
import { ExitCode, TrainyardError } from "../shared/errors.js";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs `work` with a signal that aborts at the first SIGINT, SIGTERM or SIGHUP; its reason is an INTERRUPTED
 * error. Work that ends because of it throws that reason; work that finishes anyway has finished.
 */
export async function withSignals<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) process.exit(ExitCode.interrupted);
    controller.abort(new TrainyardError("INTERRUPTED", `interrupted by ${name}`));
  };
  for (const name of signals) process.on(name, onSignal);
  try {
    return await work(controller.signal);
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    for (const name of signals) process.off(name, onSignal);
  }
}

/** Aborts when standard input closes: how a process that `trainyard train` started learns that its starter is gone. */
export function untilStdinCloses(): AbortSignal {
  const controller = new AbortController();
  process.stdin.on("close", () =>
    controller.abort(new TrainyardError("INTERRUPTED", "the process that started this one has ended")),
  );
  process.stdin.resume();
  return controller.signal;
}
