/** Runs a script, looks on with every checker, and compares with the same run without faults. */
import type { Checker, UnbrokenRun } from "./checkers/checker.js";
import { coreStateChecker } from "./checkers/core-state.js";
import { fencingChecker } from "./checkers/fencing.js";
import { finitenessChecker } from "./checkers/finiteness.js";
import { memoryChecker } from "./checkers/memory.js";
import { progressChecker, standOf } from "./checkers/progress.js";
import { samplesChecker } from "./checkers/samples.js";
import { stepsChecker } from "./checkers/steps.js";
import { unbrokenRun, weightsChecker } from "./checkers/weights.js";
import { endOf } from "./faults.js";
import type { Script } from "./plan.js";
import type { Setup } from "./setup.js";
import type { Note } from "./silent.js";
import { Simulation } from "./simulation.js";

/** A run without faults takes a few seconds; one after faults may wait for its largest deadline first. */
const patienceMs = 300_000;

export interface Verdict {
  /** Null: everything holds. */
  readonly problem: string | null;
  readonly simulation: Simulation;
  /** From the end of the faults to the end of the run. */
  readonly afterMs: number;
}

/**
 * A flipped bit of a finite gradient is found by an audit only; without, it changes the bits of the run, or a step is skipped.
 * Samples that nobody can read are left out, which changes the bits from then on.
 */
const isExact = ({ isAudited = false, faults }: Script) =>
  isAudited || faults.every(({ act }) => act !== "flip bit" && act !== "unreadable samples");

/** `note`: takes the transcript. `change`: sees the simulation before it begins. */
export async function runScript(script: Script, note: Note = () => undefined): Promise<Verdict> {
  const unbroken = await unbrokenRunOf(script.setup);
  const simulation = new Simulation(script.setup, script.seed, note);
  for (const fault of script.faults) simulation.scheduler.at(fault.atMs, () => simulation.fault(fault));
  const endMs = endOf(script.faults);
  simulation.scheduler.at(endMs, () => simulation.endFaults());
  const checkers = [
    progressChecker(),
    ...(isExact(script) ? [samplesChecker(), stepsChecker(), weightsChecker()] : []),
    finitenessChecker(),
    fencingChecker(),
    memoryChecker(),
    coreStateChecker(),
  ];
  const problem = await watch(simulation, checkers, unbroken, endMs + patienceMs);
  if (problem !== null) note(`!!! ${problem}; ${standOf(simulation)}`);
  return { problem, simulation, afterMs: simulation.scheduler.nowMs - endMs };
}

async function watch(
  simulation: Simulation,
  checkers: readonly Checker[],
  unbroken: UnbrokenRun,
  untilMs: number,
): Promise<string | null> {
  const uncaught = (error: unknown) => simulation.noteUncaught(error);
  process.on("unhandledRejection", uncaught);
  let problem: string | null = null;
  const look = () => {
    for (const checker of checkers) problem ??= checker.look?.(simulation) ?? null;
  };
  try {
    await simulation.scheduler.run(untilMs, () => problem !== null || simulation.isDone, look);
    for (const checker of checkers) problem ??= checker.atEnd?.(simulation, unbroken) ?? null;
    return problem;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    process.off("unhandledRejection", uncaught);
  }
}

const known = new Map<string, Promise<UnbrokenRun>>();

/** Of one worker and one slice, without faults. Kept: many seeds share it. */
function unbrokenRunOf(setup: Setup): Promise<UnbrokenRun> {
  const alone = { ...setup, workers: 1, stableIds: false, keep: 2, everySteps: null, audit: 0, reducers: 1 };
  const key = JSON.stringify(alone);
  const former = known.get(key);
  if (former !== undefined) return former;
  const made = makeUnbrokenRun(alone);
  known.set(key, made);
  return made;
}

async function makeUnbrokenRun(setup: Setup): Promise<UnbrokenRun> {
  const simulation = new Simulation(setup, 1);
  await simulation.scheduler.run(
    patienceMs,
    () => simulation.isDone,
    () => undefined,
  );
  const [broken = ""] = simulation.broken;
  if (!simulation.isDone) {
    throw new Error(`a run without faults does not end: ${broken} ${standOf(simulation)}`);
  }
  return unbrokenRun(simulation);
}
