/** Drives the pure core in tests: workers that answer at once with given numbers, reducers that always agree. */

import type { CoreEvent, Effect } from "../../coordinator/core/events.js";
import { initialState } from "../../coordinator/core/initial-state.js";
import { checkWholeState } from "../../coordinator/core/invariants.js";
import { dimensionsOf } from "../../coordinator/core/run-dimensions.js";
import type { CoreState, Restored } from "../../coordinator/core/state.js";
import { transition } from "../../coordinator/core/transition.js";
import type { CoordinatorBody, WorkerBody } from "../../shared/grpc/control-messages.js";
import { protocolVersion } from "../../shared/grpc/version.js";
import type { ModelLayout } from "../../shared/layout.js";
import { RunSpec } from "../../shared/spec.js";
import { noAugmentation } from "./augmentation.js";
import { problemOfWaits } from "./core-waits.js";

export const tinyLayout: ModelLayout = {
  parameters: [{ name: "dense_1/kernel", shape: [2], offset: 0, size: 2 }],
  parameterCount: 2,
  batchNorms: [{ layer: "bn_1", channels: 1, momentum: 0.9, offset: 0, elementsPerSample: 4 }],
  statisticsCount: 2,
};

export function tinySpec(change: Partial<RunSpec> = {}): RunSpec {
  return RunSpec.parse({
    format: "trainyard-run/2",
    run: "test",
    dataset: { name: "tiny", hash: "0" },
    classes: ["a", "b"],
    image: { height: 8, width: 8, channels: 3, resize: "nearest", colour: "srgb" },
    model: { name: "classic", dropout: 0, batchNormMomentum: 0.9, l2: 0 },
    optimizer: {
      name: "adam",
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      schedule: "constant",
    },
    augmentation: noAugmentation,
    epochs: 2,
    batchSize: 8,
    lanes: 4,
    accumulation: 1,
    shuffleShards: 8,
    seed: 1,
    classWeights: [1, 1],
    labelSmoothing: 0,
    earlyStopping: null,
    plateau: null,
    exportWeights: "last",
    checkpoint: { keep: 2 },
    engine: { intraOpThreads: 1, oneDnn: true },
    allowMixed: false,
    audit: 0,
    ...change,
  });
}

/** A training split of one shard. */
export const splitOf = (samples: number) => ({ samples, shards: [{ samples: { length: samples } }] });

export const fingerprint = { tensorflow: "2.21.0", device: "test cpu", nodeMajor: 20 };

/** Looking at every lane of a thousand workers after every event would take minutes. */
const mostChecked = 50;

export class CoreDriver {
  state: CoreState;
  readonly effects: Effect[] = [];
  nowMs = 0;

  /** `restored`: what a former coordinator left; its successor is generation 2. */
  constructor(
    spec: RunSpec,
    trainingSamples = 22,
    validationLabels: readonly number[] = [0, 1, 1],
    restored: Restored | null = null,
  ) {
    const dimensions = dimensionsOf(spec, splitOf(trainingSamples), validationLabels);
    const generation = restored === null ? 1 : 2;
    this.state = initialState({ dimensions, generation, version: "0.1.0", restored }, 0);
  }

  /** Applies one event; returns its effects. */
  on(event: CoreEvent): Effect[] {
    const { state, effects } = transition(this.state, event);
    this.state = state;
    if (state.workers.size <= mostChecked) this.#check();
    this.effects.push(...effects);
    return effects;
  }

  #check(): void {
    checkWholeState(this.state);
    const problem = problemOfWaits(this.state);
    if (problem !== null) throw new Error(problem);
  }

  says(worker: string, body: WorkerBody, generation: number = this.state.run.generation): Effect[] {
    return this.on({ tag: "said", worker, generation, body });
  }

  hello(
    worker: string,
    change: Partial<{ version: string; protocol: number; device: string }> = {},
  ): Effect[] {
    return this.on({
      tag: "hello",
      worker,
      host: "host",
      protocol: change.protocol ?? protocolVersion,
      version: change.version ?? "0.1.0",
      fingerprint: { ...fingerprint, ...(change.device === undefined ? {} : { device: change.device }) },
    });
  }

  isReady(worker: string): Effect[] {
    return this.says(worker, { kind: "ready", layoutJson: JSON.stringify(tinyLayout) });
  }

  /** Returns the effects of getting ready; those of its hello are in `effects`. */
  joins(worker: string): Effect[] {
    this.hello(worker);
    return this.isReady(worker);
  }

  /** Up to the first step's assignments, with these workers ready. */
  begins(...workers: string[]): Effect[] {
    for (const worker of workers) this.joins(worker);
    this.on({ tag: "slicesUp", count: 1 });
    this.on({ tag: "sliceLoaded", slice: 0 });
    return this.on({ tag: "checkpointWritten", checkpoint: "1-0" });
  }

  /** Time passes, in ticks of at most a second, while the coordinator runs. */
  passes(ms: number): Effect[] {
    const effects: Effect[] = [];
    for (let leftMs = ms; leftMs > 0; leftMs -= 1_000) effects.push(...this.stops(Math.min(leftMs, 1_000)));
    return effects;
  }

  /** The coordinator itself stands still for so long: there is no tick meanwhile. */
  stops(ms: number): Effect[] {
    this.nowMs += ms;
    return this.on({ tag: "tick", nowMs: this.nowMs });
  }

  record(
    worker: string,
    lane: number,
    change: Partial<{ samples: number; finite: boolean; step: number; attempt: number; mean: number }> = {},
  ) {
    const { phase } = this.state;
    const samples = phase.tag === "training" ? (phase.samples[lane] ?? 0) : 0;
    return this.says(worker, {
      kind: "laneRecord",
      step: change.step ?? this.state.progress.step,
      lane,
      samples: change.samples ?? samples,
      finite: change.finite ?? true,
      lossSum: lane + 1,
      correct: 1,
      statistics: new Uint8Array(new Float64Array([change.mean ?? 0.5, 1]).buffer),
      computeSeconds: 0.1,
      attempt: change.attempt ?? (phase.tag === "training" ? phase.attempt : 0),
    });
  }

  /** The worker is through with its oldest share. */
  settles(worker: string): Effect[] {
    const share = this.state.workers.get(worker)?.shares[0];
    return this.says(worker, {
      kind: "settled",
      step: share?.step ?? 0,
      attempt: share?.attempt ?? 0,
      share: share?.number ?? 0,
    });
  }

  /** `root`: the largest magnitude of the step's sum. */
  sliceWhole(root = 2): Effect[] {
    const largest = { root, weights: 1, moments: [1, 1] };
    return this.on({
      tag: "sliceWhole",
      slice: 0,
      step: this.state.progress.step,
      report: { blockSums: Float64Array.of(root * root), largest },
    });
  }

  committed(): Effect[] {
    return this.on({ tag: "sliceCommitted", slice: 0, step: this.state.progress.step, checksum: 7 });
  }

  /** Lanes by worker that are out now. */
  get assigned(): Record<string, number[]> {
    const held: Record<string, number[]> = {};
    if (this.state.phase.tag !== "training") return held;
    this.state.phase.lanes.forEach((lane, index) => {
      if (lane.tag !== "assigned") return;
      for (const { worker } of lane.holders) held[worker] = [...(held[worker] ?? []), index];
    });
    return held;
  }

  /** Every lane that is out is recorded, the slice gets whole, the decision is carried out. */
  completesStep(): Effect[] {
    for (const [worker, lanes] of Object.entries(this.assigned)) {
      for (const lane of lanes) this.record(worker, lane);
      this.settles(worker);
    }
    this.sliceWhole();
    return this.committed();
  }
}

/** The next coordinator with one worker, as far as it goes by itself; its own first checkpoint is written. */
export function goOn(spec: RunSpec, restored: Restored): CoreDriver {
  const core = new CoreDriver(spec, 22, [0, 1, 1], restored);
  core.joins("a");
  core.on({ tag: "slicesUp", count: 1 });
  core.on({ tag: "sliceLoaded", slice: 0 });
  const { phase } = core.state;
  if (phase.tag === "saving") core.on({ tag: "checkpointWritten", checkpoint: phase.checkpoint });
  return core;
}

export const sent = (effects: readonly Effect[], kind: CoordinatorBody["kind"]) =>
  effects.flatMap((effect) => (effect.tag === "send" && effect.body.kind === kind ? [effect] : []));

export const has = (effects: readonly Effect[], tag: Effect["tag"]) =>
  effects.some((effect) => effect.tag === tag);
