/**
 * A worker's place and session without network or threads: real loaders, batches and assignments over a store in
 * memory, an engine in this thread, and a coordinator that only listens.
 */

import { openDataset } from "../../dataset/dataset-reader.js";
import { ImageLoader } from "../../dataset/image-loader.js";
import type { Manifest } from "../../dataset/manifest.js";
import { stepsPerEpoch } from "../../dataset/sample-order.js";
import type { Engine, MicroBatch } from "../../engine/engine.js";
import { realClock } from "../../shared/clock.js";
import type { CoordinatorBody, WorkerBody } from "../../shared/grpc/control-messages.js";
import type { ModelLayout } from "../../shared/layout.js";
import { workerMetrics } from "../../shared/metrics.js";
import { type RunSpec, samplesPerLane } from "../../shared/spec.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { noSpan } from "../../shared/tracing.js";
import type { TreeNode } from "../../shared/tree.js";
import type { AssignmentContext } from "../../worker/assignment-context.js";
import { LaneBatches } from "../../worker/batches.js";
import type { EngineCalls, EngineRequest, LaneRule } from "../../worker/engine-calls.js";
import { EngineHost } from "../../worker/engine-host.js";
import { Phases } from "../../worker/phases.js";
import type { PreparedRun } from "../../worker/prepared-run.js";
import { ShareProgress } from "../../worker/share-progress.js";
import { type StepAttempt, Watermark } from "../../worker/step-watermark.js";

/** Opened without any memory for decoded images, so that every batch is read and decoded. */
export async function openPlace(
  store: ObjectStore,
  manifest: Manifest,
  spec: RunSpec,
  engine: Engine,
  { imageCacheBytes = 0, shardCacheBytes = 1 } = {},
): Promise<PreparedRun> {
  const dataset = await openDataset(store, manifest.name, manifest.hash, { cacheBytes: shardCacheBytes });
  const options = { cacheBytes: imageCacheBytes };
  const training = new ImageLoader(dataset.split("train"), spec.image, options);
  const validation = new ImageLoader(dataset.split("validation"), spec.image, options);
  const { train } = manifest.splits;
  const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
  return {
    spec,
    store,
    manifest,
    layout: engine.layout,
    engine: engineHere(engine, spec),
    batches: new LaneBatches(spec, train, training, steps),
    training,
    validation,
    publish: async () => [],
    close: async () => engine.dispose(),
  };
}

/** Calls are answered in this thread, after what is due before. */
export function engineHere(engine: Engine, rule: LaneRule): PreparedRun["engine"] {
  const host = new EngineHost(engine, rule);
  let last = 0;
  const call = async <Name extends keyof EngineCalls>(name: Name, input: EngineCalls[Name][0]) => {
    await Promise.resolve();
    last += 1;
    const request = { id: last, name, input } as unknown as Exclude<EngineRequest, { name: "open" }>;
    return { output: host.carryOut(request) as EngineCalls[Name][1], seconds: 0 };
  };
  return { call, isDead: false, close: async () => undefined };
}

export interface Upload extends StepAttempt {
  readonly node: TreeNode;
  readonly kind: "GRADIENT" | "AUDIT" | "INITIAL";
  readonly sum: Float32Array;
}

/** What a worker said and sent, and how far the coordinator is. */
export class ListeningCoordinator {
  readonly said: WorkerBody[] = [];
  readonly uploads: Upload[] = [];
  readonly watermark = new Watermark();
  readonly metrics = workerMetrics();
  /** Called before an upload is taken; may wait, or throw. */
  onUpload: (upload: Upload) => void | Promise<void> = () => undefined;
  /** What a session with this coordinator gives its assignments. */
  readonly streams: Omit<AssignmentContext, "run">;

  constructor(layout: ModelLayout) {
    const take = async (
      kind: Upload["kind"],
      { step, attempt }: StepAttempt,
      node: TreeNode,
      sum: Float32Array,
    ) => {
      const upload = { step, attempt, node, kind, sum: sum.slice() };
      await this.onUpload(upload);
      this.uploads.push(upload);
    };
    this.streams = {
      control: { generation: 1, send: (body) => void this.said.push(body) },
      metrics: this.metrics,
      clock: realClock,
      watermark: this.watermark,
      phases: new Phases({ ...realClock, every: () => () => undefined }, "idle", () => undefined),
      progress: new ShareProgress(),
      span: noSpan,
      weights: {
        at: async (step) => ({
          step,
          parameters: new Float32Array(layout.parameterCount),
          exact: true,
          release: () => undefined,
        }),
        close: () => undefined,
      },
      partials: {
        send: (at, node, sum) => take("GRADIENT", at, node, sum),
        sendAudit: (at, node, sum) => take("AUDIT", at, node, sum),
        sendInitial: (sum) => take("INITIAL", { step: 0, attempt: 0 }, { begin: 0, end: 1 }, sum),
        close: () => undefined,
      },
    };
  }

  /** What an assignment of this coordinator works with. */
  contextOf(run: PreparedRun): AssignmentContext {
    return { ...this.streams, run };
  }

  /** What the worker said, of one kind. */
  of<Kind extends WorkerBody["kind"]>(kind: Kind): Extract<WorkerBody, { kind: Kind }>[] {
    return this.said.filter((body): body is Extract<WorkerBody, { kind: Kind }> => body.kind === kind);
  }
}

const layout: ModelLayout = {
  parameters: [{ name: "dense_1/kernel", shape: [64], offset: 0, size: 64 }],
  parameterCount: 64,
  batchNorms: [],
  statisticsCount: 0,
};

/** An engine whose gradient counts each training sample in a parameter of its number, by its red. */
export class CountingEngine implements Engine {
  readonly layout = layout;
  /** Samples of each `gradients` call, in order; and of each `evaluate` call. */
  readonly computed: number[][] = [];
  readonly evaluated: number[][] = [];
  /** The next gradient that holds this sample is NaN. */
  poisoned: number | null = null;
  onGradients: () => void = () => undefined;

  gradients(batch: MicroBatch) {
    this.onGradients();
    const samples = samplesOf(batch.images, batch.labels.length);
    this.computed.push(samples);
    const gradient = new Float32Array(layout.parameterCount);
    for (const sample of samples) gradient[sample] = (gradient[sample] ?? 0) + 1;
    if (this.poisoned !== null && samples.includes(this.poisoned)) gradient[0] = Number.NaN;
    const statistics = new Float32Array(0);
    return { lossSum: samples.length, correct: 1, samples: samples.length, gradient, statistics };
  }

  evaluate(images: Uint8Array, labels: Int32Array) {
    const samples = samplesOf(images, labels.length);
    this.evaluated.push(samples);
    const probabilities = Float32Array.from(samples.flatMap((sample) => (sample % 2 ? [0, 1] : [1, 0])));
    return { losses: new Float32Array(labels.length).fill(1), regularisation: 0, probabilities };
  }

  initialise = () => new Float32Array(layout.parameterCount);
  prepare = () => undefined;
  setWeights = () => undefined;
  predict = () => new Float32Array(0);
  tensorCount = () => 7;
  dispose = () => undefined;
}

function samplesOf(images: Uint8Array, count: number): number[] {
  return Array.from({ length: count }, (_, at) => images[(at * images.length) / count] as number);
}

type Assignment<Kind extends CoordinatorBody["kind"]> = Extract<CoordinatorBody, { kind: Kind }>;

export const gradients = (change: Partial<Assignment<"gradients">> = {}): Assignment<"gradients"> => ({
  kind: "gradients",
  step: 0,
  epoch: 0,
  stepInEpoch: 0,
  lanes: [0],
  excluded: [],
  attempt: 0,
  share: 1,
  ...change,
});

export const audit = (change: Partial<Assignment<"audit">> = {}): Assignment<"audit"> => ({
  kind: "audit",
  step: 0,
  epoch: 0,
  stepInEpoch: 0,
  beginLane: 0,
  endLane: 1,
  excluded: [],
  attempt: 0,
  share: 1,
  ...change,
});

export const evaluate = (change: Partial<Assignment<"evaluate">> = {}): Assignment<"evaluate"> => ({
  kind: "evaluate",
  step: 0,
  blocks: [0],
  statistics: new Uint8Array(0),
  excluded: [],
  ...change,
});
