/** Going on with a run: which run that is, whether it may go on, and which flags still count. */
import { finished } from "../coordinator/ownership/takeover.js";
import { TrainyardError } from "../shared/errors.js";
import { limits } from "../shared/limits.js";
import { resolveRun } from "../shared/runs.js";
import { type RunFlags, runSettings } from "../shared/settings/run-settings.js";
import { camelCase, namesOf } from "../shared/settings/setting.js";
import type { RunSpec } from "../shared/spec.js";
import { effectiveSpec, type SpecChanges } from "../shared/spec-changes.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { secondsOf } from "./run-spec.js";
import { readRunState } from "./run-state.js";

type ChangeFlags = Pick<
  RunFlags,
  | "epochs"
  | "patience"
  | "minDelta"
  | "exportWeights"
  | "keepCheckpoints"
  | "checkpointSteps"
  | "checkpointSeconds"
>;

/** The settings that may change when a run goes on, each with its name in `SpecChanges`; all others are decided. */
const changeable = namesOf(runSettings, ({ isChangeable }) => isChangeable === true).map(
  (name) => [name, camelCase(name) as keyof SpecChanges] as const,
);

/**
 * What the user wants changed. Only what stands on the command line counts: defaults and TRAINYARD_ variables are for
 * new runs.
 */
export function changesOf(flags: ChangeFlags, written: ReadonlySet<string>): SpecChanges {
  const values = { ...flags, checkpointSeconds: secondsOf(flags.checkpointSeconds) };
  const changed = changeable.filter(([name]) => written.has(name));
  return Object.fromEntries(changed.map(([, field]) => [field, values[field]]));
}

/** The flags that a coordinator of this machine is started with for these changes. */
export function changeWords(changes: SpecChanges): string[] {
  return changeable.flatMap(([name, field]) => {
    const value = changes[field];
    return value === undefined ? [] : [`--${name}`, String(value ?? 0)];
  });
}

/** The run's spec decides its bits from its beginning on. Errors: USAGE naming the flags. */
export function refuseDecided(
  run: string,
  written: ReadonlySet<string>,
  except: readonly string[] = [],
): void {
  const allowed = new Set([...except, ...changeable.map(([name]) => name)]);
  const decided = Object.keys(runSettings).filter((name) => written.has(name) && !allowed.has(name));
  if (decided.length === 0) return;
  const flags = decided.map((name) => `--${name}`);
  const [are, them] = flags.length === 1 ? ["is", "it"] : ["are", "them"];
  throw new TrainyardError(
    "USAGE",
    `${flags.join(", ")} ${are} decided when a run begins: leave ${them} out to go on with ${run}`,
  );
}

export interface Resumable {
  /** The run's spec with the changes in it. */
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
