/**
 * Which samples a lane owns. K lanes cut the training split into K consecutive ranges for the whole run. The coordinator
 * shards a data set by giving lanes to workers. Read more in docs/design/lanes-and-tree.md.
 */
import { invariant } from "../shared/errors.js";

/** A range of sample indices, [begin, end). */
export interface SampleRange {
  readonly begin: number;
  readonly end: number;
}

/**
 * How many samples a lane of `laneSize` samples contributes to a step of the epoch; 0 means that the lane is absent.
 * Coordinator and workers must compute the same number: it decides for which lanes a step waits, and which partials pass
 * a node of the tree alone.
 */
export function stepShare(laneSize: number, samplesPerLane: number, stepInEpoch: number): number {
  return Math.max(0, Math.min(samplesPerLane, laneSize - stepInEpoch * samplesPerLane));
}

/** The samples of a lane: floor(l N / K) to floor((l + 1) N / K), for lane l of K lanes over N samples. May be empty. */
export function laneRange(lane: number, lanes: number, samples: number): SampleRange {
  invariant(lane >= 0 && lane < lanes, `lane ${lane} of ${lanes}`);
  return {
    begin: Math.floor((lane * samples) / lanes),
    end: Math.floor(((lane + 1) * samples) / lanes),
  };
}

/** The lane that owns a sample: the last lane that begins at or before the sample. */
export function laneOf(sample: number, lanes: number, samples: number): number {
  invariant(sample >= 0 && sample < samples, `sample ${sample} of ${samples}`);
  return Math.floor(((sample + 1) * lanes - 1) / samples);
}
