/** A coordinator that stands ready: what it needs of the command line, and how it is started. */

import type { RunCatalogue } from "../coordinator/standing/run-catalogue.js";
import { type StandingOptions, standReady } from "../coordinator/standing/standing-coordinator.js";
import { createRun } from "../runs/run-creation.js";
import { parseFlags } from "../runs/run-flags.js";
import { readEnd, readRunState } from "../runs/run-state.js";
import type { ExitCode } from "../shared/errors.js";
import type { ObjectStore } from "../shared/store/object-store.js";

/** How flags become a run, and how stored runs are described: as for the commands on the spot. */
export const runCatalogue = (store: ObjectStore): RunCatalogue => ({
  create: async (dataset, flags, signal) => {
    const { spec, isNew, notes } = await createRun(store, dataset, parseFlags(flags), {
      signal,
      orSame: true,
    });
    return { run: spec.run, isNew, notes };
  },
  describe: (run, ask, signal) => readRunState(store, run, signal, ask),
  end: (run) => readEnd(store, run),
});

/** Until a signal ends it (exit code 3). Errors: those of standReady. */
export async function stand(options: Omit<StandingOptions, "catalogue" | "onReady">): Promise<ExitCode> {
  return await standReady({
    ...options,
    catalogue: runCatalogue(options.store),
    onReady: (addresses) =>
      process.stdout.write(`${JSON.stringify({ ready: true, standing: true, ...addresses })}\n`),
  });
}
