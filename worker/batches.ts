/**
 * What the engine computes next, read and decoded ahead of it: a lane's micro-batches of a step, with the
 * augmentation drawn for each sample. The number of steps ahead is bounded (limits.prefetchSteps).
 */

import type { ImageLoader } from "../dataset/image-loader.js";
import type { SplitEntry } from "../dataset/manifest.js";
import { laneEpochOrder, microBatches, stepSamples } from "../dataset/order.js";
import { augmentationOf } from "../engine/augmentation/draw.js";
import type { MicroBatch } from "../engine/engine.js";
import { asEpoch, asLane } from "../shared/ids.js";
import { limits } from "../shared/limits.js";
import { hashWords, Purpose } from "../shared/random.js";
import { microBatchSize, type RunSpec, samplesPerLane } from "../shared/spec.js";

/** A lane's place in the run. */
export interface LanePlace {
  readonly step: number;
  readonly epoch: number;
  readonly stepInEpoch: number;
  readonly lane: number;
}

export class LaneBatches {
  readonly #spec: RunSpec;
  readonly #split: SplitEntry;
  readonly #loader: ImageLoader;
  readonly #stepsPerEpoch: number;
  readonly #ready = new Map<string, { step: number; batches: Promise<MicroBatch[]> }>();
  readonly #orders = new Map<string, Uint32Array>();

  constructor(spec: RunSpec, split: SplitEntry, loader: ImageLoader, stepsPerEpoch: number) {
    this.#spec = spec;
    this.#split = split;
    this.#loader = loader;
    this.#stepsPerEpoch = stepsPerEpoch;
  }

  /** The micro-batches of a lane's step. Loading them again after a failure is another read. */
  of(place: LanePlace): Promise<MicroBatch[]> {
    for (const [key, entry] of this.#ready) if (entry.step < place.step) this.#ready.delete(key);
    return this.#load(place);
  }

  /** Starts loading the lanes of the next steps; whoever gets other lanes loads those when they come. */
  prefetch(place: Omit<LanePlace, "lane">, lanes: readonly number[]): void {
    let next = place;
    for (let ahead = 0; ahead < limits.prefetchSteps; ahead += 1) {
      next = this.#after(next);
      if (next.epoch >= this.#spec.epochs) return;
      for (const lane of lanes) this.#load({ ...next, lane }).catch(() => undefined); // reported when asked for
    }
  }

  #after({ step, epoch, stepInEpoch }: Omit<LanePlace, "lane">): Omit<LanePlace, "lane"> {
    const isLast = stepInEpoch + 1 >= this.#stepsPerEpoch;
    return isLast
      ? { step: step + 1, epoch: epoch + 1, stepInEpoch: 0 }
      : { step: step + 1, epoch, stepInEpoch: stepInEpoch + 1 };
  }

  #load(place: LanePlace): Promise<MicroBatch[]> {
    const key = `${place.step}/${place.lane}`;
    const known = this.#ready.get(key);
    if (known !== undefined) return known.batches;
    const batches = this.#read(place);
    this.#ready.set(key, { step: place.step, batches });
    batches.catch(() => this.#ready.delete(key));
    return batches;
  }

  #read(place: LanePlace): Promise<MicroBatch[]> {
    const order = this.#order(place.epoch, place.lane);
    const samples = stepSamples(order, place.stepInEpoch, samplesPerLane(this.#spec));
    const calls = microBatches(samples, microBatchSize(this.#spec));
    return Promise.all(calls.map((call, index) => this.#micro(place, index, call)));
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
