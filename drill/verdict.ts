/**
 * Judges whether the promises were kept: compares the commits of a broken run with those of an unbroken one, and measured
 * times with the promised bounds. Weights and samples decide the exit code; times are only reported. Pure.
 */
import { stepDeadlineMs } from "../coordinator/core/liveness/deadlines.js";
import type { StepRow } from "../shared/curve.js";

/** In the order in which the drill tries them. */
export const faultNames = [
  "worker",
  "frozen worker",
  "drained worker",
  "paused coordinator",
  "coordinator",
  "store",
  "full disk",
] as const;
export type FaultName = (typeof faultNames)[number];

/** What was done to a run and what was seen of it. Seconds count from the fault, unless said otherwise. */
export interface FaultSeen {
  readonly fault: FaultName;
  /** SIGKILL, SIGSTOP, SIGTERM, renamed, or filled. */
  readonly how: string;
  /** What was hit: worker-2, coordinator, or the kind of store. */
  readonly target: string;
  readonly run: string;
  /** The step that was in progress when the fault happened. */
  readonly step: number;
  readonly secondsToNextCommit: number;
  /** The longest time without a commit from the fault to its end, evaluations included. */
  readonly longestPauseSeconds: number;
  /** The longest one after the next commit: what a fault costs a second time. */
  readonly laterPauseSeconds: number;
  /** Seconds until the process or store that was hit worked again. Null when the run ended before. */
  readonly secondsAway: number | null;
  /** Workers that the coordinator cut off in the meantime, of a pause; else null. */
  readonly workersCutOff: number | null;
  /** The coordinator: between being back and the next commit. */
  readonly secondsFromBack: number | null;
  /** Commits that were computed again: those beyond the checkpoint that a coordinator went on from. */
  readonly stepsRedone: number;
  /** Samples of lanes that others computed again; once judged, those of the steps above as well. */
  readonly samplesRedone: number;
}

export interface FaultJudged extends FaultSeen {
  readonly samplesLost: number;
  readonly samplesTwice: number;
  /** CRC of every commit up to the next fault, and SHA-256 of the run's final weights. */
  readonly weightsEqual: boolean;
  readonly bound: BoundJudged | null;
}

export interface BoundJudged {
  /** The promised bound as a sentence. */
  readonly promise: string;
  readonly limitSeconds: number;
  readonly seconds: number;
  readonly met: boolean;
}

export interface RunJudged {
  readonly run: string;
  readonly commits: number;
  readonly samplesLost: number;
  readonly samplesTwice: number;
  /** Steps whose weights differ, or that one of the runs does not have. */
  readonly differingSteps: readonly number[];
  readonly finalWeightsEqual: boolean;
}

/** The part of result.json that the verdict needs. */
export interface RunEnd {
  readonly steps: readonly StepRow[];
  readonly weightsSha256: string;
  readonly lost: number;
  readonly repeated: number;
}

interface Range {
  readonly from: number;
  /** The first step after the range. */
  readonly to: number;
}

/** Commits of the same numbers, one by one. A sample is lost where it is in no applied commit, twice where in two. */
export function compareCommits(
  unbroken: readonly StepRow[],
  broken: readonly StepRow[],
  { from, to }: Range,
) {
  let [samplesLost, samplesTwice] = [0, 0];
  const differing = new Set<number>();
  const within = (rows: readonly StepRow[]) => rows.filter(({ step }) => step >= from && step < to);
  const expected = byStep(within(unbroken));
  const found = byStep(within(broken));
  for (const step of new Set([...expected.keys(), ...found.keys()])) {
    const [wanted, had] = [expected.get(step) ?? [], found.get(step) ?? []];
    const more = samplesOf(had) - samplesOf(wanted);
    if (more < 0) samplesLost -= more;
    if (more > 0) samplesTwice += more;
    if (had.length !== wanted.length || had.some((row, at) => row.crc32c !== wanted[at]?.crc32c)) {
      differing.add(step);
    }
  }
  return { samplesLost, samplesTwice, differingSteps: [...differing].sort((a, b) => a - b) };
}

function byStep(rows: readonly StepRow[]): Map<number, StepRow[]> {
  const found = new Map<number, StepRow[]>();
  for (const row of rows) found.set(row.step, [...(found.get(row.step) ?? []), row]);
  return found;
}

const samplesOf = (rows: readonly StepRow[]) =>
  rows.reduce((sum, { samples, status }) => sum + (status === "applied" ? samples : 0), 0);

const whole: Range = { from: 0, to: Number.POSITIVE_INFINITY };

/** Judges a whole run, by its commits and by the sample counts of its result. */
export function judgeRun(run: string, unbroken: RunEnd, broken: RunEnd): RunJudged {
  const { samplesLost, samplesTwice, differingSteps } = compareCommits(unbroken.steps, broken.steps, whole);
  return {
    run,
    commits: broken.steps.length,
    samplesLost: Math.max(samplesLost, broken.lost),
    samplesTwice: Math.max(samplesTwice, broken.repeated),
    differingSteps,
    finalWeightsEqual: broken.weightsSha256 !== "" && broken.weightsSha256 === unbroken.weightsSha256,
  };
}

/** `seen`: the faults of one run in their order. Each answers for the commits up to the next. */
export function judgeFaults(seen: readonly FaultSeen[], unbroken: RunEnd, broken: RunEnd): FaultJudged[] {
  const isEqual = broken.weightsSha256 !== "" && broken.weightsSha256 === unbroken.weightsSha256;
  return seen.map((fault, index) => {
    const to = seen[index + 1]?.step ?? Number.POSITIVE_INFINITY;
    const range = { from: Math.max(0, fault.step - fault.stepsRedone), to };
    const { samplesLost, samplesTwice, differingSteps } = compareCommits(unbroken.steps, broken.steps, range);
    return {
      ...fault,
      samplesRedone: fault.samplesRedone + samplesOfSteps(unbroken.steps, range.from, fault.step),
      samplesLost,
      samplesTwice,
      weightsEqual: isEqual && differingSteps.length === 0,
      bound: boundOf(fault, unbroken.steps),
    };
  });
}

/** Samples of the steps in [from, to), which were computed again. */
const samplesOfSteps = (rows: readonly StepRow[], from: number, to: number) =>
  samplesOf(rows.filter(({ step }) => step >= from && step < to));

/** Seconds in which a worker's death is noticed and its lanes are given to others (README: what fails). */
const workerDeathSeconds = 2;
/** Seconds from a coordinator that is back to the next commit. */
const coordinatorBackSeconds = 10;
/** Seconds from the end of a coordinator's pause to the next commit, besides the step itself. */
const pausedBackSeconds = 2;

/** The promised time to the next commit; null for a store that is away or full, for which no time is promised. */
export function boundOf(fault: FaultSeen, unbroken: readonly StepRow[]): BoundJudged | null {
  const step = longestStep(unbroken);
  switch (fault.fault) {
    case "worker":
    case "drained worker": {
      const promise = `${workerDeathSeconds} s + one step after a worker has left`;
      return judgeTime(promise, workerDeathSeconds + step, fault.secondsToNextCommit);
    }
    case "frozen worker": {
      const deadline = stepDeadlineMs(secondsOf(unbroken).map((seconds) => 1000 * seconds)) / 1000;
      const costs = Math.max(fault.secondsToNextCommit, fault.laterPauseSeconds);
      return judgeTime("one step deadline + one step for a frozen worker, once", deadline + step, costs);
    }
    case "coordinator": {
      const promise = `${coordinatorBackSeconds} s after a coordinator is back`;
      return judgeTime(promise, coordinatorBackSeconds, fault.secondsFromBack ?? Number.POSITIVE_INFINITY);
    }
    case "paused coordinator": {
      const promise = `${pausedBackSeconds} s + one step after a paused coordinator goes on`;
      const seconds = fault.secondsFromBack ?? Number.POSITIVE_INFINITY;
      return judgeTime(promise, pausedBackSeconds + step, seconds);
    }
    case "store":
    case "full disk":
      return null;
  }
}

const judgeTime = (promise: string, limitSeconds: number, seconds: number): BoundJudged => ({
  promise,
  limitSeconds,
  seconds,
  met: seconds <= limitSeconds,
});

/** Longer for the first fault, which also waits for engines to warm up. */
const secondsOf = (rows: readonly StepRow[]) => rows.slice(1).map(({ seconds }) => seconds);
const longestStep = (rows: readonly StepRow[]) => Math.max(0, ...secondsOf(rows));

/** True when no sample was lost or counted twice, all weights equal those of the unbroken run, and no pause cost a worker. */
export function isKept(runs: readonly RunJudged[], faults: readonly FaultJudged[]): boolean {
  return (
    faults.length > 0 &&
    runs.every((run) => run.samplesLost === 0 && run.samplesTwice === 0) &&
    runs.every((run) => run.finalWeightsEqual && run.differingSteps.length === 0) &&
    faults.every((fault) => fault.weightsEqual && fault.samplesLost === 0 && fault.samplesTwice === 0) &&
    faults.every(({ workersCutOff }) => workersCutOff === null || workersCutOff === 0)
  );
}
