/** Engine specs and micro-batches for tests: small, seeded, nothing drawn from Math.random. */

import type { EngineSpec, MicroBatch } from "../../../engine/engine.js";
import { loadTensorFlow } from "../../../engine/native/load-tensorflow.js";
import type { ModelLayout } from "../../../shared/layout.js";
import { RandomStream } from "../../../shared/random.js";
import { noAugmentation } from "../augmentation.js";

export const tensorFlow = () => loadTensorFlow({ intraOpThreads: 2, oneDnn: true });

export interface SpecChoices {
  readonly model?: Partial<EngineSpec["model"]>;
  readonly classes?: number;
  readonly height?: number;
  readonly width?: number;
  readonly channels?: 1 | 3;
  readonly classWeights?: readonly number[];
  readonly labelSmoothing?: number;
  readonly compute?: EngineSpec["engine"]["compute"];
  readonly augmentation?: Partial<EngineSpec["augmentation"]>;
}

/** A classic net for 16x16x3 and two classes without dropout, unless chosen otherwise. */
export function engineSpec(choices: SpecChoices = {}): EngineSpec {
  const classes = Array.from({ length: choices.classes ?? 2 }, (_, index) => `class-${index}`);
  const { height = 16, width = height, channels = 3 } = choices;
  return {
    classes,
    image: { height, width, channels, resize: "nearest", colour: "srgb" },
    model: { name: "classic", dropout: 0, batchNormMomentum: 0.9, l2: 0, ...choices.model },
    augmentation: { ...noAugmentation, ...choices.augmentation },
    classWeights: choices.classWeights ?? classes.map(() => 1),
    labelSmoothing: choices.labelSmoothing ?? 0,
    engine: { compute: choices.compute ?? "float32" },
  };
}

/** n random images with random labels; every class occurs if n allows it. */
export function microBatch(spec: EngineSpec, samples: number, seed = 1): MicroBatch {
  const random = new RandomStream(seed, 77);
  const { height, width, channels } = spec.image;
  const identity = [1, 0, 0, 0, 1, 0, 0, 0];
  return {
    images: new Uint8Array(samples * height * width * channels).map(() => random.nextBelow(256)),
    labels: new Int32Array(samples).map((_, index) => index % spec.classes.length),
    transforms: new Float32Array(samples * 8).map((_, index) => identity[index % 8] ?? 0),
    brightness: new Float32Array(samples).fill(1),
    channelShifts: new Float32Array(samples),
    dropoutSeed: [random.nextUint32(), 0],
  };
}

/** Means 0 and variances 1: what a run publishes before its first step. */
export function freshStatistics(layout: ModelLayout): Float32Array {
  const statistics = new Float32Array(layout.statisticsCount);
  for (const { offset, channels } of layout.batchNorms) {
    statistics.fill(1, offset + channels, offset + 2 * channels);
  }
  return statistics;
}

/** Initial parameters, slightly moved, so that no bias or beta is exactly zero. */
export function movedParameters(initial: Float32Array, seed = 3): Float32Array {
  const random = new RandomStream(seed, 78);
  return initial.map((value) => value + random.nextBetween(-0.02, 0.02));
}

export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i += 1) {
    const difference = Math.abs((a[i] ?? Number.NaN) - (b[i] ?? Number.NaN));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
