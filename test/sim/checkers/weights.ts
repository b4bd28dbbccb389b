/** The weights after every step are the unbroken run's, bit for bit, in every coordinator's life; so is what is exported. */
import { curveOf, exportedOf, outcomeOf } from "../published.js";
import type { Simulation } from "../simulation.js";
import type { Checker, UnbrokenRun } from "./checker.js";

export function weightsChecker(): Checker {
  return {
    atEnd(simulation, unbroken) {
      const { checksums, exported, outcome } = unbroken;
      for (const { name, shell } of simulation.coordinators) {
        for (const row of shell?.journal.curve.steps ?? []) {
          if (row.crc32c !== checksums[row.step])
            return `${name} committed other weights in step ${row.step}`;
        }
      }
      for (const row of curveOf(simulation).steps) {
        if (row.crc32c !== checksums[row.step]) return `the curve has other weights in step ${row.step}`;
      }
      if (exportedOf(simulation) !== exported) return "other weights were exported";
      const found = outcomeOf(simulation);
      return found === outcome ? null : `the result is ${found} instead of ${outcome}`;
    },
  };
}

/** What a run without faults leaves, for others to be compared with. */
export function unbrokenRun(simulation: Simulation): UnbrokenRun {
  return {
    checksums: curveOf(simulation).steps.map(({ crc32c }) => crc32c),
    exported: exportedOf(simulation),
    outcome: outcomeOf(simulation),
  };
}
