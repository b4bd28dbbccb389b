/** Going on with a run: which run that is, whether anybody may, and which flags no longer count. */
import { TrainyardError } from "../shared/errors.js";
import { resolveRun } from "../shared/runs.js";
import type { RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { runOptions } from "./run-options.js";
import { readRunState } from "./run-state.js";
import { writtenOptions } from "./strictness.js";

/**
 * The run's spec decides its bits from its beginning on. Only what stands on the command line counts: TRAINYARD_
 * variables are for new runs. Errors: USAGE naming the flags.
 */
export function refuseDecided(
  run: string,
  except: readonly string[] = [],
  words: readonly string[] = process.argv.slice(2),
): void {
  const decided = Object.keys(runOptions).filter((name) => !except.includes(name));
  const flags = writtenOptions(decided, words).map((name) => `--${name}`);
  if (flags.length === 0) return;
  const [are, them] = flags.length === 1 ? ["is", "it"] : ["are", "them"];
  throw new TrainyardError(
    "USAGE",
    `${flags.join(", ")} ${are} decided when a run begins: leave ${them} out to go on with ${run}`,
  );
}

/** Errors: NOT_FOUND with the nearest names; ALREADY_EXISTS when it has finished or a coordinator holds it. */
export async function resumableRun(store: ObjectStore, name: string, signal: AbortSignal): Promise<RunSpec> {
  const { run, spec, state } = await readRunState(store, await resolveRun(store, name, signal), signal);
  if (state.tag === "ended") {
    const sentence = `the run ${run} has finished (trainyard runs show ${run}): train again under another name`;
    throw new TrainyardError("ALREADY_EXISTS", sentence);
  }
  if (state.tag === "live") {
    const sentence = `the run ${run} has a coordinator at ${state.http}: follow it with trainyard runs follow ${run}`;
    throw new TrainyardError("ALREADY_EXISTS", sentence);
  }
  return spec;
}
