/**
 * Where the time of usual steps goes, for the result: what lanes took on their workers, and what was waited for besides.
 * Usual: applied at the first attempt, with every lane full. The last ones are kept.
 */
import type { LaneState } from "./work.js";

/** What is looked at of a step whose lanes have all arrived. */
interface GatheredStep {
  readonly sinceMs: number;
  readonly arrivedMs: number | null;
  readonly attempt: number;
  /** States of the lanes, by lane. */
  readonly samples: readonly number[];
  readonly lanes: readonly LaneState[];
}

/** As far as it is known when a step is decided. */
export interface LaneTimes {
  /** From the step's beginning until the last lane arrived. */
  readonly gatherMs: number;
  /** Mean milliseconds of one lane, on the worker's own clock. */
  readonly laneMs: number;
  /** Milliseconds of all lanes of the worker that computed longest. */
  readonly computeMs: number;
  /** Number of workers that computed lanes. */
  readonly workers: number;
}

export interface StepTiming extends LaneTimes {
  /** From the step's beginning to the commit. */
  readonly stepMs: number;
  /** From the decision to the commit. */
  readonly commitMs: number;
}

/** Enough for a median, whatever the run's length. */
export const timedSteps = 200;

/** Times of a step's lanes; null when the step was not a usual one. `fullLane`: samples of a full lane. */
export function laneTimes(step: GatheredStep, fullLane: number): LaneTimes | null {
  const { attempt, samples, sinceMs, arrivedMs } = step;
  const isUsual = attempt === 0 && samples.every((count) => count === fullLane);
  if (!isUsual || arrivedMs === null) return null;
  const ofWorkers = new Map<string, number>();
  const ofLanes: number[] = [];
  for (const lane of step.lanes) {
    if (lane.tag !== "arrived") continue;
    const { computeMs } = lane.result;
    ofLanes.push(computeMs);
    ofWorkers.set(lane.worker, (ofWorkers.get(lane.worker) ?? 0) + computeMs);
  }
  return {
    gatherMs: arrivedMs - sinceMs,
    laneMs: ofLanes.reduce((sum, ms) => sum + ms, 0) / ofLanes.length,
    computeMs: [...ofWorkers.values()].reduce((most, one) => Math.max(most, one), 0),
    workers: ofWorkers.size,
  };
}
