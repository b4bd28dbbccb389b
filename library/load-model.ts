/** The exported model of a run, loaded to classify images. */
import type { Engine } from "../engine/engine.js";
import { type ExportedModel, exportedEngine } from "../engine/export/read-export.js";
import { findDevice } from "../engine/native/find-device.js";
import { loadTensorFlow } from "../engine/native/load-tensorflow.js";
import { TrainyardError } from "../shared/errors.js";
import { resolveRun } from "../shared/runs.js";
import type { ImageSpec } from "../shared/spec.js";
import { type CommonOptions, openGivenStore } from "./common-options.js";
import type { ImageFile } from "./image-files.js";
import { withInterruption } from "./interruption.js";
import { type Prediction, predictFiles } from "./prediction.js";
import { publishedModel } from "./published-model.js";

export interface LoadModelOptions extends CommonOptions {
  /** Name of the run, the beginning of it, or `latest`. */
  readonly run: string;
  /** Compute on the GPU, on the CPU, or on a GPU where TensorFlow can use one. Default: `auto`. */
  readonly device?: "auto" | "cpu" | "gpu" | undefined;
}

/**
 * Loads the model that a run exported; `close` frees it. TensorFlow computes in this process, which can have only one
 * configuration of it. Errors: NOT_FOUND when the run does not exist or has not finished, DAMAGED, SETUP without TensorFlow,
 * ENGINE when this process has loaded TensorFlow with other threads or device, INTERRUPTED, the store's.
 */
export async function loadModel(options: LoadModelOptions): Promise<Model> {
  return await withInterruption(options.signal, async (signal) => {
    const store = await openGivenStore(options, signal, "read");
    const run = await resolveRun(store, options.run, signal);
    const exported = await publishedModel(store, run, { signal, onNotice: options.onNotice });
    const { device } = await findDevice(options.device ?? "auto");
    const engine = exportedEngine(loadTensorFlow({ ...exported.spec.engine, device }), exported);
    return new Model(run, exported, engine);
  });
}

/** A loaded model. `loadModel` makes it. */
export class Model {
  /** Whole name of the run that trained it. */
  readonly run: string;
  /** Names of the classes, in label order. */
  readonly classes: readonly string[];
  /** What the model takes: height and width in pixels, 1 (grey) or 3 (RGB) channels, and how images become that. */
  readonly image: ImageSpec;
  readonly #engine: Engine;
  #isClosed = false;

  constructor(run: string, { spec, labels }: ExportedModel, engine: Engine) {
    this.run = run;
    this.classes = spec.classes;
    this.image = labels.image;
    this.#engine = engine;
  }

  /**
   * Classifies images: paths of files, or the bytes of JPEG, PNG, WebP and other image files. Any size; they are decoded
   * and resized as in training. Returns one prediction per image, in order; one for an image that can't be read or decoded
   * has `error`. Errors: USAGE after `close`, INTERRUPTED.
   */
  async predict(
    images: readonly (string | Uint8Array)[],
    { signal }: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Prediction[]> {
    const files = images.map(
      (image): ImageFile =>
        typeof image === "string" ? { path: image, file: image } : { path: null, bytes: image },
    );
    return await withInterruption(signal, async (ours) => {
      const predictions: Prediction[] = [];
      for await (const prediction of this.predictFiles(files, ours)) predictions.push(prediction);
      return predictions;
    });
  }

  /** Classifies files one after another, so that each prediction can be shown as it comes. Errors: as `predict`. */
  async *predictFiles(files: readonly ImageFile[], signal?: AbortSignal): AsyncGenerator<Prediction> {
    if (this.#isClosed) throw new TrainyardError("USAGE", "the model was closed");
    yield* predictFiles(this.#engine, this, files, signal);
  }

  /** Frees the model's memory. A second call does nothing. */
  close(): void {
    if (!this.#isClosed) this.#engine.dispose();
    this.#isClosed = true;
  }
}
