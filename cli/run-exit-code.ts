/** The exit code of a run's end: 0 finished, 1 failed, 3 stopped before the end. */
import { ExitCode } from "../shared/errors.js";

export function exitCodeOf(outcome: string): ExitCode {
  if (outcome === "finished") return ExitCode.finished;
  return outcome === "stopped" ? ExitCode.interrupted : ExitCode.failed;
}
