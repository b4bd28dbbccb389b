/**
 * What the engine computes next, read and decoded ahead of it: a lane's micro-batches of a step, with the
 * augmentation drawn for each sample. The number of steps ahead is bounded (limits.prefetchSteps).
 */

import { allOrDamage } from "../dataset/damage.js";
import type { ImageLoader } from "../dataset/image-loader.js";
import type { SplitEntry } from "../dataset/manifest.js";
import { laneEpochOrder, microBatches, stepSamplesWithout, stepShares } from "../dataset/order.js";
import { augmentationOf } from "../engine/augmentation/draw.js";
import type { MicroBatch } from "../engine/engine.js";
import { asEpoch, asLane } from "../shared/ids.js";
import { limits } from "../shared/limits.js";
import { hashWords, Purpose } from "../shared/random.js";
import { microBatchSize, type RunSpec, samplesPerLane } from "../shared/spec.js";

/** A step's place in the run, and which samples of the training split are left out of it. */
export interface StepPlace {
  readonly step: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly excluded: ReadonlySet<number>;
}

/** A lane's. */
export interface LanePlace extends StepPlace {
  readonly lane: number;
}

/** What was read, or is being read, for a lane's step. */
interface Ready {
  readonly step: number;
  /** What it was made of: an exclusion that came later makes it useless. */
  readonly samples: Uint32Array;
  readonly batches: Promise<MicroBatch[]>;
}

export class LaneBatches {
  readonly #spec: RunSpec;
  readonly #split: SplitEntry;
  readonly #loader: Pick<ImageLoader, "batch">;
  readonly #stepsPerEpoch: number;
  readonly #ready = new Map<string, Ready>();
  readonly #orders = new Map<string, Uint32Array>();

  constructor(spec: RunSpec, split: SplitEntry, loader: Pick<ImageLoader, "batch">, stepsPerEpoch: number) {
    this.#spec = spec;
    this.#split = split;
    this.#loader = loader;
    this.#stepsPerEpoch = stepsPerEpoch;
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
   * The micro-batches of a lane's step. Loading them again after a failure is another read. Errors: DamagedSamples
   * with every sample of the lane's step that can't be read, the store's.
   */
  of(place: LanePlace): Promise<MicroBatch[]> {
    for (const [key, entry] of this.#ready) if (entry.step < place.step) this.#ready.delete(key);
    return this.#load(place);
  }

  /**
   * Starts loading the lanes of this step and of the next ones, in the order in which they are needed, with the
   * exclusions that are known now. Whoever gets other lanes than before has those of this step loaded while it waits
   * for weights.
   */
  prefetch(place: StepPlace, lanes: readonly number[]): void {
    let next = place;
    for (let ahead = 0; ahead <= limits.prefetchSteps && next.epoch < this.#spec.epochs; ahead += 1) {
      for (const lane of lanes) this.#load({ ...next, lane }).catch(() => undefined); // reported when asked for
      next = this.#after(next);
    }
  }

  #after(place: StepPlace): StepPlace {
    const { step, epoch, stepInEpoch } = place;
    const isLast = stepInEpoch + 1 >= this.#stepsPerEpoch;
    return isLast
      ? { ...place, step: step + 1, epoch: epoch + 1, stepInEpoch: 0 }
      : { ...place, step: step + 1, stepInEpoch: stepInEpoch + 1 };
  }

  #load(place: LanePlace): Promise<MicroBatch[]> {
    const key = `${place.step}/${place.lane}`;
    const samples = this.samplesOf(place);
    const known = this.#ready.get(key);
    if (known !== undefined && isEqual(known.samples, samples)) return known.batches;
    const batches = this.#read(place, samples);
    const entry = { step: place.step, samples, batches };
    this.#ready.set(key, entry);
    batches.catch(() => {
      if (this.#ready.get(key) === entry) this.#ready.delete(key);
    });
    return batches;
  }

  #read(place: LanePlace, samples: Uint32Array): Promise<MicroBatch[]> {
    const calls = microBatches(samples, microBatchSize(this.#spec));
    return allOrDamage(calls.map((call, index) => this.#micro(place, index, call)));
  }

  async #micro(place: LanePlace, call: number, samples: Uint32Array): Promise<MicroBatch> {
    const { seed, augmentation, image } = this.#spec;
    const { images, labels } = await this.#loader.batch(samples);
    return {
      images,
      labels,
      ...augmentationOf(augmentation, image, { seed, epoch: place.epoch, samples }),
      dropoutSeed: hashWords(seed, Purpose.dropout, place.step, place.lane, call),
    };
  }

  /** Of this epoch and the next: older ones are forgotten. */
  #order(epoch: number, lane: number): Uint32Array {
    const key = `${epoch}/${lane}`;
    const known = this.#orders.get(key);
    if (known !== undefined) return known;
    for (const old of this.#orders.keys()) if (Number.parseInt(old, 10) < epoch - 1) this.#orders.delete(old);
    const { seed, lanes, shuffleShards } = this.#spec;
    const order = laneEpochOrder({
      seed,
      epoch: asEpoch(epoch),
      lane: asLane(lane),
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
