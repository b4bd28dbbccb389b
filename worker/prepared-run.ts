/**
 * A run that a worker has prepared: the data set, the engine with all its graphs recorded, and the batches read ahead. It is
 * prepared once and outlives lost connections and new coordinators of the same run.
 */

import { DecodePool } from "../dataset/decoding/decode-pool.js";
import { type ImageCacheOptions, type ImageLoader, openLoaders } from "../dataset/image-loader.js";
import { laneRange } from "../dataset/lane-samples.js";
import type { Manifest } from "../dataset/manifest.js";
import { stepsPerEpoch } from "../dataset/sample-order.js";
import { type ComputeDevice, cpuDevice } from "../engine/native/compute-device.js";
import { plainJpegModule } from "../engine/tensorflow-jpeg-decoder.js";
import type { ModelLayout } from "../shared/layout.js";
import { limits } from "../shared/limits.js";
import { throwIfAborted } from "../shared/retry.js";
import { microBatchSize, type RunSpec, samplesPerLane } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { LaneBatches } from "./batches.js";
import { EngineClient } from "./engine-client.js";
import { exportCheckpoint } from "./export-checkpoint.js";

type Loader = Pick<ImageLoader, keyof ImageLoader>;

export interface PreparedRun {
  readonly spec: RunSpec;
  readonly store: ObjectStore;
  readonly manifest: Manifest;
  readonly layout: ModelLayout;
  readonly engine: Pick<EngineClient, keyof EngineClient>;
  readonly batches: Pick<LaneBatches, "shares" | "samplesOf" | "of" | "prefetch">;
  readonly training: Loader;
  readonly validation: Loader;
  /**
   * Exports a checkpoint for a coordinator of that generation. Returns the store keys of all exported files. `onFile` is
   * called after each file.
   */
  publish(checkpoint: string, generation: number, onFile: () => void): Promise<string[]>;
  close(): Promise<void>;
}

export interface PrepareOptions {
  /** Where decoded images are kept. */
  readonly imageCache?: ImageCacheOptions | undefined;
  /** The device that the engine computes on. Default: the CPU. */
  readonly device?: ComputeDevice | undefined;
}

/**
 * Opens the data set, starts the engine's thread and records its graphs. Errors: NOT_FOUND or DAMAGED for the data set,
 * SETUP and MODEL for the engine; INTERRUPTED as soon as the signal aborts, whatever is waited for.
 */
export async function prepareRun(
  spec: RunSpec,
  store: ObjectStore,
  signal: AbortSignal,
  { imageCache = {}, device = cpuDevice() }: PrepareOptions = {},
): Promise<PreparedRun> {
  const decoder = new DecodePool({ image: spec.image, ...plainJpegModule({ ...spec.engine, device }) });
  const engine = new EngineClient({ spec, ...spec.engine, device });
  const close = () => Promise.all([engine.close(), decoder.close()]);
  const abandon = () => void close();
  signal.addEventListener("abort", abandon, { once: true });
  try {
    throwIfAborted(signal, "preparing");
    const loaders = await openLoaders(store, spec, { signal, imageCache, decoder });
    const opened = await openEngine(engine, spec, loaders);
    await decoder.decode([]); // its thread has started
    return {
      spec,
      store,
      ...loaders,
      ...opened,
      engine,
      publish: (checkpoint, generation, onFile) =>
        exportCheckpoint(store, spec, checkpoint, { generation, onFile }),
      close: async () => {
        await close();
        await Promise.all([loaders.training.close(), loaders.validation.close()]);
      },
    };
  } catch (error) {
    await close();
    throwIfAborted(signal, "preparing");
    throw error;
  } finally {
    signal.removeEventListener("abort", abandon);
  }
}

/** Records the engine's graphs for the data set, and makes the batches that will be read ahead of it. */
async function openEngine(
  engine: EngineClient,
  spec: RunSpec,
  { manifest, training }: Pick<PreparedRun, "manifest" | "training">,
): Promise<Pick<PreparedRun, "layout" | "batches">> {
  const { layout } = (await engine.call("open", {})).output;
  await engine.call("prepare", graphSizes(spec, manifest));
  const { train } = manifest.splits;
  const steps = stepsPerEpoch(train.samples, spec.lanes, samplesPerLane(spec));
  return { layout, batches: new LaneBatches(spec, train, training, steps) };
}

/** Each number of samples that an engine call of this run can have: a full micro-batch or block, and the last ones. */
export function graphSizes(spec: RunSpec, manifest: Manifest): { gradients: number[]; evaluate: number[] } {
  const gradients = new Set<number>();
  const perStep = samplesPerLane(spec);
  const micro = microBatchSize(spec);
  for (let lane = 0; lane < spec.lanes; lane += 1) {
    const range = laneRange(lane, spec.lanes, manifest.splits.train.samples);
    const size = range.end - range.begin;
    if (size >= micro) gradients.add(micro);
    const last = (size % perStep) % micro;
    if (last > 0) gradients.add(last);
  }
  const { samples } = manifest.splits.validation;
  const evaluate = new Set<number>();
  if (samples >= limits.evaluationBlock) evaluate.add(limits.evaluationBlock);
  if (samples % limits.evaluationBlock > 0) evaluate.add(samples % limits.evaluationBlock);
  return { gradients: [...gradients], evaluate: [...evaluate] };
}
