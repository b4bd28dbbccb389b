/** What of a run is kept and what is not, in sentences for people. */
import { duration } from "../shared/readable-numbers.js";
import type { RunStatus } from "../shared/status.js";

/** `1 step`, `42 steps`. */
export const stepsInWords = (count: number) => (count === 1 ? "1 step" : `${count} steps`);

/** A sentence on work that a coordinator holds in memory only, because checkpoints can't be written; null: all is well. */
export function riskInWords({ atRisk }: Pick<RunStatus, "atRisk">): string | null {
  if (atRisk === undefined) return null;
  const { steps: count, seconds, reason } = atRisk;
  const are = count === 1 ? "is" : "are";
  return `checkpoints can't be written: ${stepsInWords(count)}, ${duration(seconds)} of work, ${are} only in memory (${reason})`;
}

/** The last line of a run that did not finish: what the store keeps, what is lost, and the command that goes on. */
export function keptInWords({
  run,
  kept,
  atRisk,
  epochs,
  steps: all,
}: Pick<RunStatus, "run" | "kept" | "atRisk" | "epochs" | "steps">): string {
  if (kept === undefined) return "nothing: no checkpoint was written";
  const epoch = all === 0 ? 0 : Math.min(epochs - 1, Math.floor((kept.step * epochs) / all));
  const lost =
    atRisk === undefined
      ? ""
      : `; ${stepsInWords(atRisk.steps)}, ${duration(atRisk.seconds)} of work, are lost`;
  const where = `checkpoint ${kept.checkpoint}, step ${kept.step} of ${all}, in epoch ${epoch + 1} of ${epochs}`;
  return `${where}${lost}; go on: trainyard train --resume ${run}`;
}
