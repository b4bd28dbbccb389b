/**
 * Batch-norm statistics of the whole run. The lanes' batch statistics are combined by their sample counts and kept as
 * bias-corrected moving averages (docs/design/mathematics-of-a-lane.md). All float64 and in lane order, so the bits are
 * the same for any number of workers.
 */
import type { ModelLayout } from "./layout.js";

/** S <- beta S + (1 - beta) x from zero; published as S / (1 - beta^t), t = committed steps. */
export interface MovingStatistics {
  /** float64 [statisticsCount]. */
  readonly sums: Float64Array;
  /** beta^t per batch-norm layer, as a running product: Math.pow has other bits in other Nodes. */
  readonly decay: readonly number[];
}

/** One lane's statistics: float64 [statisticsCount] (mean, biased variance), weighted by its samples. */
export interface LaneStatistics {
  readonly samples: number;
  readonly values: Float64Array;
}

/** The moving statistics before the first step. */
export function emptyStatistics(layout: ModelLayout): MovingStatistics {
  return { sums: new Float64Array(layout.statisticsCount), decay: layout.batchNorms.map(() => 1) };
}

/**
 * mean = sum n_l m_l / sum n_l; var = sum n_l (v_l + (m_l - mean)^2) / sum n_l. (Law of total variance; each
 * sample contributes the same number of positions, so positions and samples weigh alike.)
 */
export function combineStatistics(layout: ModelLayout, lanes: readonly LaneStatistics[]): Float64Array {
  const combined = new Float64Array(layout.statisticsCount);
  const samples = lanes.reduce((sum, lane) => sum + lane.samples, 0);
  for (const slot of layout.batchNorms) {
    for (let channel = 0; channel < slot.channels; channel += 1) {
      const mean = slot.offset + channel;
      combineChannel(combined, lanes, samples, { mean, variance: mean + slot.channels });
    }
  }
  return combined;
}

function combineChannel(
  combined: Float64Array,
  lanes: readonly LaneStatistics[],
  samples: number,
  at: { readonly mean: number; readonly variance: number },
): void {
  let mean = 0;
  for (const lane of lanes) mean += lane.samples * (lane.values[at.mean] as number);
  mean /= samples;
  let variance = 0;
  for (const lane of lanes) {
    const distance = (lane.values[at.mean] as number) - mean;
    variance += lane.samples * ((lane.values[at.variance] as number) + distance * distance);
  }
  combined[at.mean] = mean;
  combined[at.variance] = variance / samples;
}

/**
 * A micro-batch's statistics as TensorFlow's fused op returns them, made biased: v = v_op * (n - 1) / n, with n
 * positions per channel (the op divides by max(1, n - 1)). float32 [statisticsCount] to float64.
 */
export function undoBesselCorrection(
  layout: ModelLayout,
  values: Float32Array,
  samples: number,
): Float64Array {
  const biased = Float64Array.from(values);
  for (const slot of layout.batchNorms) {
    const n = samples * slot.elementsPerSample;
    const varianceAt = slot.offset + slot.channels;
    for (let i = varianceAt; i < varianceAt + slot.channels; i += 1) {
      biased[i] = ((biased[i] as number) * Math.max(1, n - 1)) / n;
    }
  }
  return biased;
}

/** The moving statistics after one more step: sums x momentum + batch x (1 - momentum), per layer. float64. */
export function advanceStatistics(
  layout: ModelLayout,
  moving: MovingStatistics,
  batch: Float64Array,
): MovingStatistics {
  const sums = moving.sums.slice();
  for (const slot of layout.batchNorms) {
    for (let i = slot.offset; i < slot.offset + 2 * slot.channels; i += 1) {
      sums[i] = slot.momentum * (sums[i] as number) + (1 - slot.momentum) * (batch[i] as number);
    }
  }
  const decay = moving.decay.map((power, i) => power * (layout.batchNorms[i]?.momentum ?? 0));
  return { sums, decay };
}

/** True when every published statistic is a finite float32. */
export const arePublishable = (layout: ModelLayout, moving: MovingStatistics): boolean =>
  publishStatistics(layout, moving).every(Number.isFinite);

/** float32 [statisticsCount] for evaluation and export; before the first step means 0, variances 1. */
export function publishStatistics(layout: ModelLayout, moving: MovingStatistics): Float32Array {
  const published = new Float32Array(layout.statisticsCount);
  layout.batchNorms.forEach((slot, index) => {
    const correction = 1 - (moving.decay[index] as number);
    const varianceAt = slot.offset + slot.channels;
    for (let i = slot.offset; i < varianceAt + slot.channels; i += 1) {
      published[i] = correction === 0 ? Number(i >= varianceAt) : (moving.sums[i] as number) / correction;
    }
  });
  return published;
}
