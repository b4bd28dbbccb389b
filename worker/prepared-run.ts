/**
 * What a worker needs for a run, whoever coordinates it: the data set, the engine with all its graphs recorded,
 * the batches ahead. Made once; survives lost connections and new coordinators of the same run.
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
  /** The export of a checkpoint, for a coordinator of that generation; its keys. */
  publish(checkpoint: string, generation: number): Promise<string[]>;
  close(): Promise<void>;
}

export interface PrepareOptions {
  /** Where decoded pictures are kept. */
  readonly imageCache?: ImageCacheOptions | undefined;
  /** What computes. Default: the CPU. */
  readonly device?: ComputeDevice | undefined;
}

/**
 * Errors: NOT_FOUND or DAMAGED for the data set, SETUP and MODEL for the
 * engine; INTERRUPTED as soon as the signal aborts, whatever it waits for.
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
    const { manifest, training, validation } = await openLoaders(store, spec, {
      signal,
      imageCache,
      decoder,
    });
    const { layout } = (await engine.call("open", {})).output;
    await engine.call("prepare", graphSizes(spec, manifest));
    await decoder.decode([]); // its thread has started
    const steps = stepsPerEpoch(manifest.splits.train.samples, spec.lanes, samplesPerLane(spec));
    const batches = new LaneBatches(spec, manifest.splits.train, training, steps);
    return {
      spec,
      store,
      manifest,
      layout,
      engine,
      batches,
      training,
      validation,
      publish: (checkpoint, generation) => exportCheckpoint(store, spec, checkpoint, generation),
      close: async () => {
        await close();
        await Promise.all([training.close(), validation.close()]);
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

/** Every number of samples that an engine call of this run can have: full ones, and the last of a lane. */
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
