/**
 * Batches of model inputs from a split: reads, decodes, resizes, remembers. What a worker and an evaluation call, and
 * may call ahead of the engine. The order of samples is the caller's.
 */
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import { asSampleIndex, type SampleIndex } from "../shared/ids.js";
import { limits } from "../shared/limits.js";
import type { ImageSpec, RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { mapBounded } from "./bounded.js";
import { type Damage, DamagedSamples, throwIfDamaged } from "./damage.js";
import { decodeImage } from "./decode.js";
import { ImageCache } from "./image-cache.js";
import type { Manifest } from "./manifest.js";
import { openDataset, type SplitReader } from "./open.js";

export interface ImageBatch {
  /** uint8 [samples, height, width, channels], in the order asked for. The caller owns it. */
  readonly images: Uint8Array;
  /** int32 [samples]: indices into the run's classes (the manifest's, unless `labels` maps them). */
  readonly labels: Int32Array;
}

/** Counters since the loader was made, for metrics. */
export interface ImageLoaderCounters {
  cacheHits: number;
  /** Pictures read and decoded. */
  decoded: number;
  /** Wall time of reads from the store, and of decoding, each summed over pictures (several run at a time). */
  fetchSeconds: number;
  decodeSeconds: number;
}

export interface ImageLoaderOptions {
  /** For decoded pictures. Default limits.imageCacheBytes. */
  readonly cacheBytes?: number;
  /** Pictures read and decoded at a time. Default 4, as many as libuv has threads. */
  readonly concurrency?: number;
  /** Label of the run by label of the manifest, when the run orders its classes differently. */
  readonly labels?: readonly number[];
}

/**
 * The loaders of a run's data set. The memory for decoded pictures is shared out by number of samples.
 * @throws TrainyardError NOT_FOUND, DAMAGED (manifest), INPUT (another hash, or classes that are not the run's).
 */
export async function openLoaders(
  store: ObjectStore,
  spec: Pick<RunSpec, "dataset" | "image" | "classes">,
  options: { signal?: AbortSignal; cacheBytes?: number } = {},
): Promise<{ manifest: Manifest; training: ImageLoader; validation: ImageLoader }> {
  const { signal, cacheBytes = limits.imageCacheBytes } = options;
  const { name, hash } = spec.dataset;
  const dataset = await openDataset(store, name, hash, signal === undefined ? {} : { signal });
  const { manifest } = dataset;
  const labels = labelsOf(spec.classes, manifest);
  const [training, validation] = [dataset.split("train"), dataset.split("validation")];
  const perSample = cacheBytes / Math.max(1, training.samples + validation.samples);
  const loader = (reader: SplitReader) =>
    new ImageLoader(reader, spec.image, { labels, cacheBytes: Math.floor(perSample * reader.samples) });
  return { manifest, training: loader(training), validation: loader(validation) };
}

/** Index in the run's classes of each of the manifest's. */
function labelsOf(classes: readonly string[], manifest: Manifest): number[] {
  const labels = manifest.classes.map((name) => classes.indexOf(name));
  if (classes.length === labels.length && !labels.includes(-1)) return labels;
  const message = `the run's classes (${classes.join(", ")}) are not those of "${manifest.name}" (${manifest.classes.join(", ")})`;
  throw new TrainyardError("INPUT", message);
}

export class ImageLoader {
  readonly image: ImageSpec;
  readonly counters: ImageLoaderCounters = {
    cacheHits: 0,
    decoded: 0,
    fetchSeconds: 0,
    decodeSeconds: 0,
  };
  readonly #reader: SplitReader;
  readonly #cache: ImageCache;
  readonly #concurrency: number;
  readonly #imageBytes: number;
  readonly #labels: readonly number[] | null;
  #reads = 0;

  constructor(reader: SplitReader, image: ImageSpec, options: ImageLoaderOptions = {}) {
    this.image = image;
    this.#reader = reader;
    this.#imageBytes = image.height * image.width * image.channels;
    this.#cache = new ImageCache(
      reader.samples,
      this.#imageBytes,
      options.cacheBytes ?? limits.imageCacheBytes,
    );
    this.#concurrency = options.concurrency ?? 4;
    this.#labels = options.labels ?? null;
  }

  /** Bytes of decoded pictures in memory. */
  get heldBytes(): number {
    return this.#cache.heldBytes;
  }

  /** Waiting for the store now; false while pictures are only decoded, or nothing is under way. */
  get isReading(): boolean {
    return this.#reads > 0;
  }

  /** Of the object that holds the sample. */
  keyOf(sample: SampleIndex): string {
    return this.#reader.shardKey(sample);
  }

  /**
   * The batch of these samples. May be called again before it resolved (read ahead).
   * @throws DamagedSamples that names every sample of the batch which can't be read or decoded, each tried with two
   * reads of the store; the store's errors; an abort.
   */
  async batch(samples: ArrayLike<number>, signal?: AbortSignal): Promise<ImageBatch> {
    const wanted = Array.from(samples, asSampleIndex);
    const images = new Uint8Array(wanted.length * this.#imageBytes);
    const labels = Int32Array.from(wanted, (sample) => this.label(sample));
    const missing = [...wanted.keys()].filter((at) => !this.#copyHeld(wanted[at] as SampleIndex, images, at));
    const damage: Damage[] = [];
    const load = async (at: number) => {
      try {
        images.set(await this.#load(wanted[at] as SampleIndex), at * this.#imageBytes);
      } catch (caught) {
        if (!(caught instanceof DamagedSamples)) throw caught;
        damage.push(...caught.damage);
      }
    };
    await mapBounded(missing, this.#concurrency, load, signal);
    throwIfDamaged(damage);
    return { images, labels };
  }

  /** The sample's label in the run's classes. */
  label(sample: SampleIndex): number {
    const label = this.#reader.label(sample);
    return this.#labels?.[label] ?? label;
  }

  #copyHeld(sample: SampleIndex, images: Uint8Array, at: number): boolean {
    const isHeld = this.#cache.copyTo(sample, images, at * this.#imageBytes);
    if (isHeld) this.counters.cacheHits += 1;
    return isHeld;
  }

  async #load(sample: SampleIndex): Promise<Uint8Array> {
    const picture = await this.#decodeTwice(sample);
    this.#cache.keep(sample, picture);
    this.counters.decoded += 1;
    return picture;
  }

  /** Its hash is right, so a failure is hardly an accident of transport; another read of the store makes it sure. */
  async #decodeTwice(sample: SampleIndex): Promise<Uint8Array> {
    const first = await this.#reading(() => this.#reader.read(sample));
    try {
      return await this.#decode(first);
    } catch {
      const second = await this.#reading(() => this.#reader.readAgain(sample));
      return await this.#decode(second).catch((caught) => {
        throw undecodable(this.#reader, sample, caught);
      });
    }
  }

  async #reading(read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const beganMs = performance.now();
    this.#reads += 1;
    try {
      return await read();
    } finally {
      this.#reads -= 1;
      this.counters.fetchSeconds += (performance.now() - beganMs) / 1000;
    }
  }

  async #decode(bytes: Uint8Array): Promise<Uint8Array> {
    const beganMs = performance.now();
    try {
      return await decodeImage(bytes, this.image);
    } finally {
      this.counters.decodeSeconds += (performance.now() - beganMs) / 1000;
    }
  }
}

function undecodable(reader: SplitReader, sample: SampleIndex, cause: unknown): DamagedSamples {
  const { source } = reader.entry(sample);
  const key = reader.shardKey(sample);
  const reason = `sample ${sample} (${source}) in ${key} ${asTrainyardError(cause).message}`;
  return new DamagedSamples([{ sample, key, isMissing: false, reason }], { cause, source });
}
