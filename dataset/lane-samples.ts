/**
 * Which samples a lane owns. Lanes cut the training split into K consecutive ranges for the whole run;
 * giving lanes to workers is how a data set is sharded. Who holds a lane is decided by the coordinator.
 */
import { invariant } from "../shared/errors.js";

/** A range of sample indices, [begin, end). */
export interface SampleRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * Samples that a lane of `laneSize` samples contributes to a step of the epoch; 0 = the lane is absent. Coordinator and
 * workers must agree on it: whom a step waits for, and whose partial passes through the tree alone.
 */
export function stepShare(laneSize: number, samplesPerLane: number, stepInEpoch: number): number {
  return Math.max(0, Math.min(samplesPerLane, laneSize - stepInEpoch * samplesPerLane));
}

/** Lane `lane` of `lanes` over `samples` samples: floor(l N / K) to floor((l + 1) N / K). May be empty. */
export function laneRange(lane: number, lanes: number, samples: number): SampleRange {
  invariant(lane >= 0 && lane < lanes, `lane ${lane} of ${lanes}`);
  return {
    begin: Math.floor((lane * samples) / lanes),
    end: Math.floor(((lane + 1) * samples) / lanes),
  };
}

/** The lane that owns a sample of the split: the last one that begins at or before it. */
export function laneOf(sample: number, lanes: number, samples: number): number {
  invariant(sample >= 0 && sample < samples, `sample ${sample} of ${samples}`);
  return Math.floor(((sample + 1) * lanes - 1) / samples);
}
