/**
 * How much a run writes to its store, known as soon as the first worker has named the model's layout, and whether the
 * store's disk has so much. Image caches are not in it: they leave their disk alone when it gets full.
 */
import type { ModelLayout } from "../shared/layout.js";
import { sizeInWords } from "../shared/readable-numbers.js";
import type { RunSpec } from "../shared/spec.js";
import { momentVectorsOf } from "./optimizers/registry.js";

/** What decides how much a run writes. */
export interface SpaceLoad {
  readonly spec: RunSpec;
  readonly layout: ModelLayout;
  /** Steps that are still to be done. */
  readonly steps: number;
  /** Whole checkpoints that are in the store already. */
  readonly held: number;
}

/** What a run still writes, in bytes. */
export interface SpaceNeeded {
  /** All checkpoints that lie in the store at the same time: those that are kept, the best one, and one being written. */
  readonly checkpoints: number;
  /** One checkpoint: weights and moments. */
  readonly checkpoint: number;
  /** The model for tfjs and for Keras. */
  readonly exports: number;
  /** Curve, log segments and the processes' logs. */
  readonly logs: number;
}

/** What is said of the space, and whether the run can go on. */
export interface SpaceVerdict {
  readonly isRefused: boolean;
  readonly isScarce: boolean;
  readonly sentence: string;
}

/** Log segments, `curve.json` and the CSV files take somewhat less for each step: measured on the golden store. */
const bytesOfStep = 800;
/** Logs of coordinator and workers, results and descriptions. */
const logsAtLeast = 1024 * 1024;
const bytesOfFloat = 4;

/** Estimates what a run still writes. */
export function spaceNeeded({ spec, layout, steps, held }: SpaceLoad): SpaceNeeded {
  const vectors = 1 + momentVectorsOf(spec.optimizer).length;
  const checkpoint = vectors * bytesOfFloat * layout.parameterCount;
  const best = spec.exportWeights === "best" ? 1 : 0;
  const together = Math.max(1, spec.checkpoint.keep + best + 1 - held);
  return {
    checkpoint,
    checkpoints: together * checkpoint,
    exports: 2 * bytesOfFloat * (layout.parameterCount + layout.statisticsCount),
    logs: logsAtLeast + steps * bytesOfStep,
  };
}

/** Compares an estimate with the disk. A run is refused when not even one checkpoint and the export fit. */
export function judgeSpace(need: SpaceNeeded, freeBytes: number): SpaceVerdict {
  const all = need.checkpoints + need.exports + need.logs;
  const least = need.checkpoint + need.exports;
  const parts = `checkpoints ${sizeInWords(need.checkpoints)}, export ${sizeInWords(need.exports)}, curve and logs ${sizeInWords(need.logs)}`;
  const has = `the disk of the store has ${sizeInWords(freeBytes)}`;
  if (freeBytes < least) {
    const sentence = `${has}, and one checkpoint and the export need ${sizeInWords(least)}: free some space there, or choose another --store`;
    return { isRefused: true, isScarce: true, sentence };
  }
  const needs = `the run needs about ${sizeInWords(all)} (${parts})`;
  if (freeBytes >= all) return { isRefused: false, isScarce: false, sentence: `${needs}; ${has}` };
  const advice = "free some space there, or keep fewer checkpoints (--keep-checkpoints)";
  return { isRefused: false, isScarce: true, sentence: `warning: ${needs}, and ${has}: ${advice}` };
}
