/** Going on with a run: which run that is, whether anybody may, and which flags still count. */
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { resolveRun } from "../shared/runs.js";
import type { RunSpec } from "../shared/spec.js";
import { effectiveSpec, type SpecChanges } from "../shared/spec-changes.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { type RunFlags, runOptions } from "./run-options.js";
import { readRunState } from "./run-state.js";
import { writtenOptions } from "./strictness.js";

type ChangeFlags = Pick<
  RunFlags,
  "epochs" | "patience" | "minDelta" | "keepCheckpoints" | "checkpointSteps" | "checkpointSeconds"
>;

/** What each flag changes; all others are decided when a run begins. */
const changeable: Readonly<Record<string, (flags: ChangeFlags) => SpecChanges>> = {
  epochs: ({ epochs }) => ({ epochs }),
  patience: ({ patience }) => ({ patience }),
  "min-delta": ({ minDelta }) => ({ minDelta }),
  "keep-checkpoints": ({ keepCheckpoints }) => ({ keepCheckpoints }),
  "checkpoint-steps": ({ checkpointSteps }) => ({ checkpointSteps }),
  "checkpoint-seconds": ({ checkpointSeconds }) => ({
    checkpointSeconds: checkpointSeconds === 0 ? null : checkpointSeconds,
  }),
};

const commandLine = () => process.argv.slice(2);

/**
 * What the user wants changed. Only what stands on the command line counts: defaults and TRAINYARD_ variables are for
 * new runs.
 */
export function changesOf(flags: ChangeFlags, words: readonly string[] = commandLine()): SpecChanges {
  const changes = writtenOptions(Object.keys(changeable), words).map((name) => changeable[name]?.(flags));
  return Object.assign({}, ...changes) as SpecChanges;
}

/** The flags that a coordinator of this machine is started with for these changes. */
export function changeWords(changes: SpecChanges): string[] {
  const { epochs, patience, minDelta, keepCheckpoints, checkpointSteps, checkpointSeconds } = changes;
  const flags = {
    epochs,
    patience,
    "min-delta": minDelta,
    "keep-checkpoints": keepCheckpoints,
    "checkpoint-steps": checkpointSteps,
    "checkpoint-seconds": checkpointSeconds === null ? 0 : checkpointSeconds,
  };
  return Object.entries(flags).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, String(value)],
  );
}

/** The run's spec decides its bits from its beginning on. Errors: USAGE naming the flags. */
export function refuseDecided(
  run: string,
  except: readonly string[] = [],
  words: readonly string[] = commandLine(),
): void {
  const decided = Object.keys(runOptions).filter((name) => !except.includes(name) && !(name in changeable));
  const flags = writtenOptions(decided, words).map((name) => `--${name}`);
  if (flags.length === 0) return;
  const [are, them] = flags.length === 1 ? ["is", "it"] : ["are", "them"];
  throw new TrainyardError(
    "USAGE",
    `${flags.join(", ")} ${are} decided when a run begins: leave ${them} out to go on with ${run}`,
  );
}

export interface Resumable {
  /** With the changes. */
  readonly spec: RunSpec;
  /** What the user should know before a coordinator is started. */
  readonly notes: readonly string[];
}

/**
 * Errors: NOT_FOUND with the nearest names; ALREADY_EXISTS when it has finished or a coordinator holds it; USAGE for a
 * change that does nothing.
 */
export async function resumableRun(
  store: ObjectStore,
  name: string,
  changes: SpecChanges,
  signal: AbortSignal,
): Promise<Resumable> {
  const { run, spec, state } = await readRunState(store, await resolveRun(store, name, signal), signal);
  if (state.tag === "ended") {
    const sentence = `the run ${run} has finished (trainyard runs show ${run}): train again under another name`;
    throw new TrainyardError("ALREADY_EXISTS", sentence);
  }
  if (state.tag === "live") {
    const sentence = `the run ${run} has a coordinator at ${state.http}: follow it with trainyard runs follow ${run}`;
    throw new TrainyardError("ALREADY_EXISTS", sentence);
  }
  const mayLive = state.tag === "interrupted" && state.mayLive;
  const waits = `its coordinator at ${state.tag === "interrupted" ? state.http : ""} does not answer: it is taken over when it gives no sign of life for ${limits.takeoverMs / 1000} s`;
  return { spec: effectiveSpec(spec, changes), notes: mayLive ? [waits] : [] };
}
