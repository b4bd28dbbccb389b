/**
 * A simulated engine. Its gradient says which samples it was computed from (one parameter a sample, whole numbers, so
 * sums are exact) and from which weights (a few more parameters, hashed): a sample that is missing or comes twice, and
 * a lane on other weights than the step's, change the bits of the run.
 */
import type { Engine, EvaluationResult, MicroBatch, MicroBatchResult } from "../../engine/engine.js";
import { crc32c } from "../../shared/crc32c.js";
import { TrainyardError } from "../../shared/errors.js";
import { bytesOf } from "../../shared/grpc/numbers.js";
import type { ModelLayout } from "../../shared/layout.js";
import { hashWords } from "../../shared/random.js";
import type { EngineCalls, LaneRule } from "../../worker/engine-calls.js";
import type { EngineClient } from "../../worker/engine-client.js";
import { lanesFor } from "../../worker/engine-host.js";
import type { Lanes } from "../../worker/lane.js";
import { sampleOf } from "./dataset.js";
import type { SimProcess } from "./process.js";

/** Parameters that follow the weights. */
export const chained = 4;

/** `filling`: parameters without a use, so that the vector has more than one block and can have more than one slice. */
export function layoutOf(samples: number, filling: number): ModelLayout {
  const parameterCount = samples + chained + filling;
  return {
    parameters: [
      { name: "samples/kernel", shape: [samples], offset: 0, size: samples },
      { name: "chain/kernel", shape: [chained + filling], offset: samples, size: chained + filling },
    ],
    parameterCount,
    batchNorms: [{ layer: "bn", channels: 1, momentum: 0.9, offset: 0, elementsPerSample: 4 }],
    statisticsCount: 2,
  };
}

export class SimEngine implements Engine {
  readonly layout: ModelLayout;
  readonly #samples: number;
  #weights = 0;
  /** Asked for each gradient: is it NaN? */
  isPoisoned: () => boolean = () => false;
  /** The bit of one element that is flipped in the next gradient; null = none. */
  flippedBit: number | null = null;

  constructor(layout: ModelLayout, samples: number) {
    this.layout = layout;
    this.#samples = samples;
  }

  initialise(seed: number): Float32Array {
    const { parameterCount } = this.layout;
    return Float32Array.from({ length: parameterCount }, (_, i) => (hashWords(seed, i) % 1000) / 1000 - 0.5);
  }

  prepare(): void {}

  setWeights(parameters: Float32Array, statistics: Float32Array): void {
    this.#weights = hashWords(crc32c(bytesOf(parameters)), crc32c(bytesOf(statistics)));
  }

  gradients(batch: MicroBatch): MicroBatchResult {
    const samples = batch.labels.length;
    const gradient = new Float32Array(this.layout.parameterCount);
    let lossSum = 0;
    let correct = 0;
    for (let at = 0; at < samples; at += 1) {
      const sample = sampleOf(batch.images, at);
      gradient[sample] = (gradient[sample] as number) + 1;
      const drawn = hashWords(this.#weights, sample, ...batch.dropoutSeed, batch.labels[at] as number);
      for (let i = 0; i < chained; i += 1) {
        const slot = this.#samples + i;
        gradient[slot] = (gradient[slot] as number) + (((drawn >>> (8 * i)) & 255) - 128);
      }
      lossSum += (drawn % 10_007) / 10_007;
      correct += drawn & 1;
    }
    if (this.isPoisoned()) gradient[0] = Number.NaN;
    this.#flipBit(gradient);
    const mean = lossSum / samples;
    return { lossSum, correct, samples, gradient, statistics: Float32Array.of(mean, mean * mean + 0.1) };
  }

  /** Of an element that is about 1 to 1,000 in size, as every chained one is. */
  #flipBit(gradient: Float32Array): void {
    if (this.flippedBit === null) return;
    const words = new Uint32Array(gradient.buffer);
    words[this.#samples] = (words[this.#samples] as number) ^ (1 << this.flippedBit);
    this.flippedBit = null;
  }

  evaluate(images: Uint8Array, labels: Int32Array): EvaluationResult {
    const draws = Array.from(labels, (_, at) => hashWords(this.#weights, sampleOf(images, at), 1));
    return {
      losses: Float32Array.from(draws, (drawn) => (drawn % 1009) / 1009),
      regularisation: 0,
      probabilities: Float32Array.from(draws.flatMap((drawn) => (drawn & 1 ? [1, 0] : [0, 1]))),
    };
  }

  predict(): Float32Array {
    throw new Error("not simulated");
  }

  tensorCount(): number {
    return 0;
  }

  dispose(): void {}
}

export interface Speed {
  /** How long the call takes on a worker of usual speed. */
  computeMs(name: keyof EngineCalls): number;
  /** 10 = ten times slower. */
  factor: number;
}

/** The engine's thread: one call after another, each takes its time. */
export class SimEngineClient implements Pick<EngineClient, keyof EngineClient> {
  readonly #process: SimProcess;
  readonly #engine: SimEngine;
  readonly #speed: Speed;
  readonly #lanes: Lanes;
  #last: Promise<unknown> = Promise.resolve();
  readonly isDead = false;

  constructor(process: SimProcess, engine: SimEngine, rule: LaneRule, speed: Speed) {
    this.#process = process;
    this.#engine = engine;
    this.#lanes = lanesFor(engine, rule);
    this.#speed = speed;
  }

  call<Name extends keyof EngineCalls>(
    name: Name,
    input: EngineCalls[Name][0],
  ): Promise<{ output: EngineCalls[Name][1]; seconds: number }> {
    const called = this.#last.then(async () => {
      const ms = this.#speed.computeMs(name) * this.#speed.factor;
      await this.#process.clock.sleep(ms);
      return { output: this.#carryOut(name, input) as EngineCalls[Name][1], seconds: ms / 1000 };
    });
    this.#last = called.catch(() => undefined);
    return called;
  }

  async close(): Promise<void> {}

  #carryOut<Name extends keyof EngineCalls>(name: Name, input: EngineCalls[Name][0]): unknown {
    const engine = this.#engine;
    switch (name) {
      case "open":
        return { layout: engine.layout, tensorflow: "simulated" };
      case "initialise":
        return engine.initialise((input as EngineCalls["initialise"][0]).seed);
      case "setWeights": {
        const { parameters, statistics } = input as EngineCalls["setWeights"][0];
        return this.#lanes.setWeights(parameters, statistics);
      }
      case "lane": {
        const { batches, over } = input as EngineCalls["lane"][0];
        return this.#lanes.compute(batches, over);
      }
      case "block": {
        const { images, labels } = input as EngineCalls["block"][0];
        const { losses, probabilities } = engine.evaluate(images, labels);
        const lossSum = losses.reduce((sum, loss) => sum + loss, 0);
        const predicted = Array.from(labels, (_, i) => Number((probabilities[2 * i] as number) === 0));
        return { lossSum, predicted };
      }
      case "tensorCount":
        return 0;
      case "prepare":
        return null;
      default:
        throw new TrainyardError("ENGINE", `the simulated engine knows no ${name}`);
    }
  }
}
