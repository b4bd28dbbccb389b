/** A run's flags for what may go wrong: what is kept in case, and what is done about values and bytes that are wrong. */
import type { Options } from "yargs";
import type { RunSpec } from "../shared/spec.js";
import { numberOption } from "./options.js";

/** As parsed. Undefined = not given. */
export interface FaultFlags {
  keepCheckpoints: number;
  checkpointSteps?: number | undefined;
  checkpointSeconds: number;
  onNonfinite: RunSpec["nonFinite"]["policy"];
  nonfiniteLimit: number;
  audit: number;
  maxExcluded: number;
}

const keeping = "Checkpoints:";
const faults = "What goes wrong:";

export const faultOptions = {
  "keep-checkpoints": numberOption(
    "keep-checkpoints",
    { whole: true, min: 1 },
    { default: 3, describe: "Checkpoints kept, besides the best", group: keeping },
  ),
  "checkpoint-steps": numberOption(
    "checkpoint-steps",
    { whole: true, min: 1 },
    { describe: "Also one every so many steps [default: by time only]", group: keeping },
  ),
  "checkpoint-seconds": numberOption(
    "checkpoint-seconds",
    { min: 0 },
    { default: 60, describe: "Also one so many seconds after the last; 0 = none by time", group: keeping },
  ),
  "on-nonfinite": {
    choices: ["skip", "halt"] as const,
    default: "skip" as const,
    requiresArg: true,
    describe: "A step with NaN or infinity, on a second machine too: leave it out, or end the run",
    group: faults,
  },
  "nonfinite-limit": numberOption(
    "nonfinite-limit",
    { whole: true, min: 1 },
    { default: 5, describe: "So many steps left out in a row end the run", group: faults },
  ),
  audit: numberOption(
    "audit",
    { min: 0, max: 1 },
    {
      default: 0.01,
      describe: "Share of the work that a second worker computes, to be compared",
      group: faults,
    },
  ),
  "max-excluded": numberOption(
    "max-excluded",
    { min: 0, max: 1 },
    {
      default: 0.1,
      describe: "Share of the images that may turn out damaged before the run fails",
      group: faults,
    },
  ),
} as const satisfies Record<string, Options>;

/** Of --checkpoint-seconds: null = none by time. */
export const secondsOf = (written: number): number | null => (written === 0 ? null : written);

export function faultsOf(
  flags: FaultFlags,
): Pick<RunSpec, "checkpoint" | "nonFinite" | "audit" | "maxExcluded"> {
  return {
    checkpoint: {
      keep: flags.keepCheckpoints,
      everySteps: flags.checkpointSteps ?? null,
      everySeconds: secondsOf(flags.checkpointSeconds),
    },
    nonFinite: { policy: flags.onNonfinite, inARow: flags.nonfiniteLimit },
    audit: flags.audit,
    maxExcluded: flags.maxExcluded,
  };
}
