/** Going on with a run: which run that is, whether anybody may, and which flags still count. */
import { finished } from "../coordinator/takeover.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { resolveRun } from "../shared/runs.js";
import type { RunSpec } from "../shared/spec.js";
import { effectiveSpec, type SpecChanges } from "../shared/spec-changes.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { secondsOf } from "./fault-options.js";
import { type RunFlags, runOptions } from "./run-options.js";
import { readRunState } from "./run-state.js";
import { writtenOptions } from "./strictness.js";

type ChangeFlags = Pick<
  RunFlags,
  "epochs" | "patience" | "minDelta" | "keepCheckpoints" | "checkpointSteps" | "checkpointSeconds"
>;

/** What each flag changes; all others are decided when a run begins. */
const changeable = {
  epochs: "epochs",
  patience: "patience",
  "min-delta": "minDelta",
  "keep-checkpoints": "keepCheckpoints",
  "checkpoint-steps": "checkpointSteps",
  "checkpoint-seconds": "checkpointSeconds",
} as const satisfies Record<string, keyof SpecChanges>;
type Changeable = keyof typeof changeable;

const commandLine = () => process.argv.slice(2);

/**
 * What the user wants changed. Only what stands on the command line counts: defaults and TRAINYARD_ variables are for
 * new runs.
 */
export function changesOf(flags: ChangeFlags, words: readonly string[] = commandLine()): SpecChanges {
  const changed = { ...flags, checkpointSeconds: secondsOf(flags.checkpointSeconds) };
  const written = writtenOptions(Object.keys(changeable), words) as Changeable[];
  return Object.fromEntries(written.map((name) => [changeable[name], changed[changeable[name]]]));
}

/** The flags that a coordinator of this machine is started with for these changes. */
export function changeWords(changes: SpecChanges): string[] {
  return (Object.keys(changeable) as Changeable[]).flatMap((name) => {
    const value = changes[changeable[name]];
    return value === undefined ? [] : [`--${name}`, String(value ?? 0)];
  });
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
  if (state.tag === "ended") throw finished(run);
  if (state.tag === "live") {
    const sentence = `the run ${run} has a coordinator at ${state.http}: follow it with trainyard runs follow ${run}`;
    throw new TrainyardError("ALREADY_EXISTS", sentence);
  }
  const mayLive = state.tag === "interrupted" && state.mayLive;
  const waits = `its coordinator at ${state.tag === "interrupted" ? state.http : ""} does not answer: it is taken over when it gives no sign of life for ${limits.takeoverMs / 1000} s`;
  return { spec: effectiveSpec(spec, changes), notes: mayLive ? [waits] : [] };
}
