/**
 * Loads batches of model inputs from a split: reads the samples' files, decodes and resizes them, and caches the images.
 * Training and evaluation call it, also ahead of the engine. The caller chooses the samples.
 */

import { mapBounded } from "../shared/concurrency.js";
import { asTrainyardError, TrainyardError } from "../shared/errors.js";
import { inGroups } from "../shared/groups.js";
import { limits } from "../shared/limits.js";
import { type ImageSpec, imageBytesOf, type RunSpec } from "../shared/spec.js";
import type { ObjectStore } from "../shared/store/object-store.js";
import { ImageFileCache, type ImageFileCacheOptions } from "./caching/image-file-cache.js";
import { ImageMemoryCache } from "./caching/image-memory-cache.js";
import { type DamagedSample, DamagedSampleError, throwIfDamaged } from "./damaged-sample-error.js";
import { openDataset, type SplitReader } from "./dataset-reader.js";
import { type DecodedImage, type ImageDecoder, LocalDecoder } from "./decoding/image-decoder.js";
import type { Manifest } from "./manifest.js";

/** Images and labels of a list of samples. */
export interface ImageBatch {
  /** uint8 [samples, height, width, channels], in the order of the list. The caller owns it. */
  readonly images: Uint8Array;
  /** int32 [samples]: indices into the run's classes (the manifest's, unless `labels` maps them). */
  readonly labels: Int32Array;
}

/** What a loader has counted since it was created, for metrics. */
export interface ImageLoaderCounters {
  /** Images found in memory. */
  cacheHits: number;
  /** Images read back from the disk. */
  diskHits: number;
  /** Images read from the store and decoded. */
  decoded: number;
  /** Wall time of reads from the store, and of decoding, each summed over calls (several run at a time). */
  fetchSeconds: number;
  decodeSeconds: number;
}

/** How decoded images are cached: in memory first, then in a file on disk. */
export interface ImageCacheOptions {
  /** Most bytes of decoded images in memory. Default limits.imageCacheBytes. */
  readonly memoryBytes?: number;
  /** The file for images that find no room in memory. Default: no file. */
  readonly file?: ImageFileCacheOptions;
}

/** Options of an ImageLoader. */
export interface ImageLoaderOptions {
  /** Most bytes of decoded images in memory. Default limits.imageCacheBytes. */
  readonly cacheBytes?: number;
  /** The file for images that find no room in memory. Default: no file. */
  readonly file?: ImageFileCacheOptions;
  /** Decodes the image files. Default: a decoder in the caller's thread. */
  readonly decoder?: ImageDecoder;
  /** The run's label for each label of the manifest, when the run orders its classes differently. */
  readonly labels?: readonly number[];
}

/** Images in one call of the decoder. A message to a thread costs about as much as decoding a small image. */
const groupSize = 8;
/** Groups of one batch that are loaded at a time. */
const groupsAtATime = 8;

/** Options of `openLoaders`. */
export interface LoaderOptions {
  readonly signal?: AbortSignal;
  readonly imageCache?: ImageCacheOptions;
  readonly decoder?: ImageDecoder;
}

/**
 * Opens a run's data set and returns a loader for each split. The memory and disk for decoded images are divided between
 * them by the number of their samples.
 * @throws TrainyardError NOT_FOUND, DAMAGED (manifest), INPUT (another hash, or classes that are not the run's).
 */
export async function openLoaders(
  store: ObjectStore,
  spec: Pick<RunSpec, "dataset" | "image" | "classes">,
  { signal, imageCache = {}, decoder }: LoaderOptions = {},
): Promise<{ manifest: Manifest; training: ImageLoader; validation: ImageLoader }> {
  const { memoryBytes = limits.imageCacheBytes, file } = imageCache;
  const { name, hash } = spec.dataset;
  const dataset = await openDataset(store, name, hash, signal === undefined ? {} : { signal });
  const { manifest } = dataset;
  const labels = labelsOf(spec.classes, manifest);
  const [training, validation] = [dataset.split("train"), dataset.split("validation")];
  const every = Math.max(1, training.samples + validation.samples);
  const loader = (reader: SplitReader) => {
    const share = (bytes: number) => Math.floor((bytes / every) * reader.samples);
    return new ImageLoader(reader, spec.image, {
      labels,
      cacheBytes: share(memoryBytes),
      ...(file === undefined ? {} : { file: { ...file, budgetBytes: share(file.budgetBytes) } }),
      ...(decoder === undefined ? {} : { decoder }),
    });
  };
  return { manifest, training: loader(training), validation: loader(validation) };
}

/** The run's label for each label of the manifest. */
function labelsOf(classes: readonly string[], manifest: Manifest): number[] {
  const labels = manifest.classes.map((name) => classes.indexOf(name));
  if (classes.length === labels.length && !labels.includes(-1)) return labels;
  const message = `the run's classes (${classes.join(", ")}) are not those of "${manifest.name}" (${manifest.classes.join(", ")})`;
  throw new TrainyardError("INPUT", message);
}

/** Loads batches from one split. The caller closes it. */
export class ImageLoader {
  readonly image: ImageSpec;
  readonly counters: ImageLoaderCounters = {
    cacheHits: 0,
    diskHits: 0,
    decoded: 0,
    fetchSeconds: 0,
    decodeSeconds: 0,
  };
  readonly #reader: SplitReader;
  readonly #memory: ImageMemoryCache;
  readonly #file: ImageFileCache | null;
  readonly #decoder: ImageDecoder;
  readonly #imageBytes: number;
  readonly #labels: readonly number[] | null;
  #reads = 0;

  constructor(reader: SplitReader, image: ImageSpec, options: ImageLoaderOptions = {}) {
    const { cacheBytes = limits.imageCacheBytes, file, decoder = new LocalDecoder(image), labels } = options;
    this.image = image;
    this.#reader = reader;
    this.#imageBytes = imageBytesOf(image);
    this.#memory = new ImageMemoryCache(reader.samples, this.#imageBytes, cacheBytes);
    const hasFile = file !== undefined && file.budgetBytes >= this.#imageBytes;
    this.#file = hasFile ? new ImageFileCache(reader.samples, this.#imageBytes, file) : null;
    this.#decoder = decoder;
    this.#labels = labels ?? null;
  }

  /** Bytes of decoded images in memory. */
  get heldBytes(): number {
    return this.#memory.heldBytes;
  }

  /** Bytes of decoded images on disk. */
  get fileBytes(): number {
    return this.#file?.heldBytes ?? 0;
  }

  /** Whether the loader waits for the store now. False while it only decodes, or does nothing. */
  get isReading(): boolean {
    return this.#reads > 0;
  }

  /** Key of the shard that holds the sample. */
  keyOf(sample: number): string {
    return this.#reader.shardKey(sample);
  }

  /**
   * Loads the images and labels of these samples. May be called again before an earlier call has resolved, to read ahead.
   * @throws DamagedSampleError with every sample of the batch that can't be read or decoded after two reads of the store;
   * the store's errors; INTERRUPTED when the signal aborts.
   */
  async batch(samples: ArrayLike<number>, signal?: AbortSignal): Promise<ImageBatch> {
    const images = new Uint8Array(samples.length * this.#imageBytes);
    const wanted = Array.from(samples, (sample, at) => ({
      sample,
      place: images.subarray(at * this.#imageBytes, (at + 1) * this.#imageBytes),
    }));
    const labels = Int32Array.from(wanted, ({ sample }) => this.label(sample));
    const missing = wanted.filter((one) => !this.#copyHeld(one));
    const damage: DamagedSample[] = [];
    const load = async (group: readonly BatchSlot[]) => {
      damage.push(...(await this.#load(await this.#notOnDisk(group))));
    };
    await mapBounded(inGroups(missing, groupSize), groupsAtATime, load, signal);
    throwIfDamaged(damage);
    return { images, labels };
  }

  /** Closes the cache file, which frees its space on the disk. */
  async close(): Promise<void> {
    await this.#file?.close();
  }

  /** The sample's label: an index into the run's classes. */
  label(sample: number): number {
    const label = this.#reader.label(sample);
    return this.#labels?.[label] ?? label;
  }

  #copyHeld({ sample, place }: BatchSlot): boolean {
    const isHeld = this.#memory.copyTo(sample, place);
    if (isHeld) this.counters.cacheHits += 1;
    return isHeld;
  }

  /** Copies images from the cache file into the batch; returns the samples that the file does not hold. */
  async #notOnDisk(group: readonly BatchSlot[]): Promise<readonly BatchSlot[]> {
    const file = this.#file;
    if (file === null || file.heldBytes === 0) return group;
    const isThere = await Promise.all(group.map(({ sample, place }) => file.copyTo(sample, place)));
    const left = group.filter((_, index) => !isThere[index]);
    this.counters.diskHits += group.length - left.length;
    return left;
  }

  /** Reads, decodes and caches samples; returns the damaged ones. Other errors (the store's, the decoder's) are thrown. */
  async #load(group: readonly BatchSlot[]): Promise<DamagedSample[]> {
    const damage: DamagedSample[] = [];
    const files = await Promise.all(group.map(({ sample }) => damageOr(damage, this.#read(sample))));
    const readable = group.flatMap((wanted, index) => {
      const file = files[index];
      return file == null ? [] : [{ ...wanted, file }];
    });
    const images = await this.#decode(readable.map(({ file }) => file));
    const done = readable.map(async ({ sample, place }, index) => {
      const first = images[index] as DecodedImage;
      const image = first instanceof Error ? await damageOr(damage, this.#decodeAgain(sample)) : first;
      if (image !== null) await this.#keep(sample, image, place);
    });
    await Promise.all(done);
    return damage;
  }

  async #keep(sample: number, image: Uint8Array, place: Uint8Array): Promise<void> {
    place.set(image);
    this.counters.decoded += 1;
    if (!this.#memory.keep(sample, image)) await this.#file?.keep(sample, image);
  }

  #read(sample: number): Promise<Uint8Array> {
    return this.#reading(() => this.#reader.read(sample));
  }

  /** Decodes a sample from a second read of the store, so that an error in transport never counts as a damaged sample. */
  async #decodeAgain(sample: number): Promise<Uint8Array> {
    const again = await this.#reading(() => this.#reader.readAgain(sample));
    const [image] = await this.#decode([again]);
    if (image instanceof Error) throw undecodable(this.#reader, sample, image);
    return image as Uint8Array;
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

  async #decode(files: readonly Uint8Array[]): Promise<DecodedImage[]> {
    if (files.length === 0) return [];
    const beganMs = performance.now();
    try {
      return await this.#decoder.decode(files);
    } finally {
      this.counters.decodeSeconds += (performance.now() - beganMs) / 1000;
    }
  }
}

/** A sample of a batch, and the bytes of the batch that its image goes to. */
interface BatchSlot {
  readonly sample: number;
  readonly place: Uint8Array;
}

/** The result of `work`. When a sample is damaged it is added to `damage`, and the result is null. */
async function damageOr<T>(damage: DamagedSample[], work: Promise<T>): Promise<T | null> {
  try {
    return await work;
  } catch (caught) {
    if (!(caught instanceof DamagedSampleError)) throw caught;
    damage.push(...caught.samples);
    return null;
  }
}

function undecodable(reader: SplitReader, sample: number, cause: unknown): DamagedSampleError {
  const { source } = reader.entry(sample);
  const key = reader.shardKey(sample);
  const reason = `sample ${sample} (${source}) in ${key} ${asTrainyardError(cause).message}`;
  return new DamagedSampleError([{ sample, key, isMissing: false, reason }], { cause, source });
}
