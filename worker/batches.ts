/**
 * Reads and decodes ahead of the engine: the micro-batches of each lane's step, with the augmentation drawn for each
 * sample. It reads one step further ahead each time that the engine had to wait for a step whose reading had begun in
 * time, within limits.prefetchSteps and limits.prefetchBytes.
 */

import { awaitAllReads } from "../dataset/damaged-sample-error.js";
import type { ImageLoader } from "../dataset/image-loader.js";
import type { SplitEntry } from "../dataset/manifest.js";
import { laneEpochOrder, microBatches, stepSamplesWithout, stepShares } from "../dataset/sample-order.js";
import { augmentationOf } from "../engine/augmentation/random-augmentation.js";
import type { MicroBatch } from "../engine/engine.js";
import { limits } from "../shared/limits.js";
import { drawSeed, Purpose } from "../shared/random.js";
import { drawsOf, imageBytesOf, microBatchSize, type RunSpec, samplesPerLane } from "../shared/spec.js";

/** A step's place in the run, and which samples of the training split are left out of it. */
export interface StepPlace {
  readonly step: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly excluded: ReadonlySet<number>;
}

/** A lane's part of a step. */
export interface LanePlace extends StepPlace {
  readonly lane: number;
}

/** The micro-batches of a lane's step, read or being read. */
interface Ready {
  readonly step: number;
  /** The samples that were read. When samples are excluded afterwards, the micro-batches are read anew. */
  readonly samples: Uint32Array;
  readonly batches: Promise<MicroBatch[]>;
  isRead: boolean;
  /** True once the engine has got it: only another attempt at the step would need it again. */
  isUsed: boolean;
}

const keyOf = ({ step, lane }: LanePlace) => `${step}/${lane}`;

export class LaneBatches {
  readonly #spec: RunSpec;
  readonly #split: SplitEntry;
  readonly #loader: Pick<ImageLoader, "batch">;
  readonly #stepsPerEpoch: number;
  readonly #imageBytes: number;
  readonly #ready = new Map<string, Ready>();
  readonly #orders = new Map<string, Uint32Array>();
  /** Lanes' steps that are to be read ahead and are not begun yet, the one needed first in front. */
  #wanted: LanePlace[] = [];
  #firstStep = 0;
  #heldSamples = 0;
  #stepsAhead: number = limits.prefetchSteps.least;

  constructor(spec: RunSpec, split: SplitEntry, loader: Pick<ImageLoader, "batch">, stepsPerEpoch: number) {
    this.#spec = spec;
    this.#split = split;
    this.#loader = loader;
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#imageBytes = imageBytesOf(spec.image);
  }

  /** Samples that each lane contributes to the step, by lane; 0 = absent. The coordinator counts in the same way. */
  shares({ epoch, stepInEpoch, excluded }: StepPlace): number[] {
    return stepShares({
      lanes: this.#spec.lanes,
      samples: this.#split.samples,
      samplesPerLane: samplesPerLane(this.#spec),
      stepInEpoch,
      excluded,
      orderOf: (lane) => this.#order(epoch, lane),
    });
  }

  /** The samples of a lane's step, in order. */
  samplesOf({ epoch, lane, stepInEpoch, excluded }: LanePlace): Uint32Array {
    return stepSamplesWithout(this.#order(epoch, lane), stepInEpoch, samplesPerLane(this.#spec), excluded);
  }

  /**
   * The micro-batches of a lane's step. Loading them again after a failure is another read. Errors: DamagedSampleError
   * with every sample of the lane's step that can't be read, the store's.
   */
  of(place: LanePlace): Promise<MicroBatch[]> {
    this.#forgetBefore(place.step);
    const known = this.#ready.get(keyOf(place));
    const entry = this.#load(place, this.samplesOf(place));
    if (entry === known && !entry.isRead) this.#lookFurther();
    entry.isUsed = true;
    this.#readAhead();
    return entry.batches;
  }

  /** Bytes of images that are read, or being read. */
  get heldBytes(): number {
    return this.#heldSamples * this.#imageBytes;
  }

  /**
   * Starts reading these lanes of this step and of the next ones, in the order in which they are needed, with the
   * exclusions that are known now. For a worker that gets other lanes than before, this reads its images while the
   * weights come down.
   */
  prefetch(place: StepPlace, lanes: readonly number[]): void {
    this.#wanted = [];
    let next = place;
    for (let ahead = 0; ahead <= this.#stepsAhead && next.epoch < this.#spec.epochs; ahead += 1) {
      for (const lane of lanes) this.#wanted.push({ ...next, lane });
      next = this.#after(next);
    }
    this.#readAhead();
  }

  /** Begins wanted reads while there is room. Batches that the engine has got are dropped first. One lane always fits. */
  #readAhead(): void {
    while (this.#wanted.length > 0) {
      const next = this.#wanted[0] as LanePlace;
      const samples = this.samplesOf(next);
      const isKnown = this.#ready.has(keyOf(next));
      if (!isKnown && !this.#makeRoom(samples.length * this.#imageBytes)) return;
      this.#wanted.shift();
      this.#load(next, samples);
    }
  }

  #makeRoom(bytes: number): boolean {
    const fits = () => this.heldBytes + bytes <= limits.prefetchBytes || this.heldBytes === 0;
    if (fits()) return true;
    for (const [key, { isUsed }] of this.#ready) {
      if (isUsed) this.#forget(key);
      if (fits()) return true;
    }
    return false;
  }

  #forgetBefore(step: number): void {
    if (step === this.#firstStep) return;
    this.#firstStep = step;
    for (const [key, entry] of this.#ready) if (entry.step < step) this.#forget(key);
  }

  #forget(key: string): void {
    this.#heldSamples -= this.#ready.get(key)?.samples.length ?? 0;
    this.#ready.delete(key);
  }

  /** Reads one step further ahead: the engine had to wait for a step that was begun in time. */
  #lookFurther(): void {
    this.#stepsAhead = Math.min(this.#stepsAhead + 1, limits.prefetchSteps.most);
  }

  #after(place: StepPlace): StepPlace {
    const { step, epoch, stepInEpoch } = place;
    const isLast = stepInEpoch + 1 >= this.#stepsPerEpoch;
    return isLast
      ? { ...place, step: step + 1, epoch: epoch + 1, stepInEpoch: 0 }
      : { ...place, step: step + 1, stepInEpoch: stepInEpoch + 1 };
  }

  /** A lane's step as it is held if it was read from these samples; else a new read. Errors: only through its batches. */
  #load(place: LanePlace, samples: Uint32Array): Ready {
    const key = keyOf(place);
    const known = this.#ready.get(key);
    if (known !== undefined && isEqual(known.samples, samples)) return known;
    const batches = this.#read(place, samples);
    const entry: Ready = { step: place.step, samples, batches, isRead: false, isUsed: false };
    this.#forget(key);
    this.#ready.set(key, entry);
    this.#heldSamples += samples.length;
    batches.then(
      () => {
        entry.isRead = true;
      },
      () => {
        if (this.#ready.get(key) === entry) this.#forget(key);
      },
    );
    return entry;
  }

  #read(place: LanePlace, samples: Uint32Array): Promise<MicroBatch[]> {
    const calls = microBatches(samples, microBatchSize(this.#spec));
    return awaitAllReads(calls.map((call, index) => this.#micro(place, index, call)));
  }

  async #micro(place: LanePlace, call: number, samples: Uint32Array): Promise<MicroBatch> {
    const { seed, augmentation, image } = this.#spec;
    const draws = drawsOf(this.#spec);
    const { images, labels } = await this.#loader.batch(samples);
    return {
      images,
      labels,
      ...augmentationOf(augmentation, image, { draws, seed, epoch: place.epoch, samples }),
      dropoutSeed: drawSeed(draws, seed, Purpose.dropout, place.step, place.lane, call),
    };
  }

  /** A lane's order of samples in an epoch. Orders of epochs before the last one are forgotten. */
  #order(epoch: number, lane: number): Uint32Array {
    const key = `${epoch}/${lane}`;
    const known = this.#orders.get(key);
    if (known !== undefined) return known;
    for (const old of this.#orders.keys()) if (Number.parseInt(old, 10) < epoch - 1) this.#orders.delete(old);
    const { seed, lanes, shuffleShards } = this.#spec;
    const order = laneEpochOrder({
      draws: drawsOf(this.#spec),
      seed,
      epoch,
      lane,
      lanes,
      split: this.#split,
      shuffleShards,
    });
    this.#orders.set(key, order);
    return order;
  }
}

const isEqual = (a: Uint32Array, b: Uint32Array) =>
  a.length === b.length && a.every((sample, at) => sample === b[at]);
