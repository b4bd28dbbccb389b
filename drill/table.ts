/** The report of a drill as text: a line for each fault, and one that says whether the promised times were met. */
import { textTable } from "../shared/text-table.js";
import type { DamageJudged } from "./damaged-shard.js";
import type { DrillReport } from "./runs.js";
import type { FaultJudged } from "./verdict.js";

export const columns = [
  "KILLED",
  "NEXT COMMIT",
  "STEPS REDONE",
  "SAMPLES REDONE",
  "SAMPLES LOST",
  "SAMPLES TWICE",
  "WEIGHTS EQUAL",
] as const;

/** Seconds with two digits; a bound that was missed is marked. */
export function faultTable(faults: readonly FaultJudged[]): string {
  const rows = faults.map((fault) => [
    `${fault.fault} (${fault.how})`,
    `${fault.secondsToNextCommit.toFixed(2)} s${fault.bound?.met === false ? " !" : ""}`,
    String(fault.stepsRedone),
    String(fault.samplesRedone),
    String(fault.samplesLost),
    String(fault.samplesTwice),
    fault.weightsEqual ? "yes" : "NO",
  ]);
  return textTable([columns, ...rows]);
}

export function boundsLine(faults: readonly FaultJudged[]): string {
  const bounds = faults.flatMap(({ fault, bound }) => (bound === null ? [] : [{ fault, ...bound }]));
  const missed = bounds.filter(({ met }) => !met);
  if (missed.length === 0) {
    const promises = [...new Set(bounds.map(({ promise }) => promise))];
    return `times: all within their bounds (next commit within ${promises.join("; within ")})`;
  }
  const list = missed.map(
    ({ fault, promise, seconds, limitSeconds }) =>
      `${fault} ${seconds.toFixed(2)} s, promised are ${limitSeconds.toFixed(2)} s (${promise})`,
  );
  return `times: bound missed (!): ${list.join("; ")}. A machine that is busy otherwise may be why; the exit code does not count it`;
}

/** A line on the run with damaged images. */
export function damageLine({ damaged, excluded, kept }: DamageJudged): string {
  const images = `${damaged.length} damaged images of a shard`;
  return kept
    ? `damage: with every sum audited the run left out the ${images}, named them, and finished`
    : `DAMAGE: of ${images} (samples ${damaged.join(", ")}) the run left out ${excluded.join(", ") || "none"}`;
}

/** A line for each fault that could not be tried. */
export const leftOutLines = (leftOut: DrillReport["leftOut"]): readonly string[] =>
  leftOut.map(({ fault, reason }) => `left out: ${fault} (${reason})`);

/** The sentence about weights and samples that ends the report. */
export const keptLine = (kept: boolean, faults: number) =>
  kept
    ? `kept: after ${faults} faults every commit and the final weights are the unbroken run's, nothing lost, nothing twice`
    : "BROKEN: the weights or samples of a broken run are not the unbroken run's";
