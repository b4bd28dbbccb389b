/**
 * The second tier of the image cache: decoded images of one split in one size, in a file of a fixed budget. The file
 * consists of slots of equal size, read and written in place. It is removed from its folder as soon as it is open, so it
 * disappears with its process, and no other process reads it. Each image's CRC is kept in memory and checked when the
 * image is read back. A disk that fails never counts as a damaged sample: the image is decoded again.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "@node-rs/crc32";
import { asTrainyardError } from "../../shared/errors.js";
import { limits } from "../../shared/limits.js";
import { CacheSlots } from "./cache-slots.js";

type FileHandle = Awaited<ReturnType<typeof open>>;

export interface ImageFileCacheOptions {
  /** Folder for the file; created if it does not exist. */
  readonly folder: string;
  /** Most bytes that the file may take. */
  readonly budgetBytes: number;
  /** The file grows only while so much of the disk stays free for others. Default limits.diskReserveBytes. */
  readonly reserveBytes?: number;
  /** Called at most once, with the reason in a clause, when the cache stops using its file. */
  readonly onGivenUp?: (reason: string) => void;
}

/**
 * First letters of the file's name. A file that still has a name was left by a process that died before it could remove
 * it; the next start removes it. Earlier versions used the same name, so their files are removed as well.
 */
const prefix = "pictures-";
/** The free space of the disk is checked once for each so many bytes that the file grows. */
const glanceBytes = 16 * 1024 * 1024;
/** After so many images that came back with other bytes, the disk is not trusted any more. */
const mostChanged = 3;

interface Opened {
  readonly handle: FileHandle;
  readonly slots: CacheSlots;
  /** CRC-32 of each slot's image. */
  readonly sums: Uint32Array;
}

export class ImageFileCache {
  readonly #samples: number;
  readonly #imageBytes: number;
  readonly #options: ImageFileCacheOptions;
  /** The file, opened when the first image is kept. Null when it could not be opened or was given up. */
  #opened: Promise<Opened | null> | undefined;
  #file: Opened | null = null;
  /** Samples whose image is being written. */
  readonly #writing = new Set<number>();
  /** The file may grow to this size before the free space is checked again. */
  #mayGrowTo = 0;
  #changed = 0;
  #isClosed = false;
  /** Settles when a file that was given up has been closed. */
  #closing: Promise<void> = Promise.resolve();

  /**
   * Opens nothing yet: the file is created when the first image is kept.
   * @param samples number of samples in the split.
   * @param imageBytes bytes of one image.
   */
  constructor(samples: number, imageBytes: number, options: ImageFileCacheOptions) {
    this.#samples = samples;
    this.#imageBytes = imageBytes;
    this.#options = options;
  }

  /** Bytes of the images that are in the file. */
  get heldBytes(): number {
    return (this.#file?.slots.size ?? 0) * this.#imageBytes;
  }

  /**
   * Reads the sample's image into `target` (of exactly one image's size). Returns false when the image is not in the
   * file, or does not come back as it was written.
   */
  async copyTo(sample: number, target: Uint8Array): Promise<boolean> {
    const file = this.#file;
    if (file === null || this.#writing.has(sample)) return false;
    const slot = file.slots.find(sample);
    if (slot < 0) return false;
    const sum = file.sums[slot];
    const position = slot * this.#imageBytes;
    try {
      const { bytesRead } = await file.handle.read(target, 0, this.#imageBytes, position);
      if (bytesRead === this.#imageBytes && crc32(target) === sum) return true;
    } catch (caught) {
      this.#giveUp(`can't be read (${asTrainyardError(caught).message})`);
      return false;
    }
    // The slot may belong to another sample by now; then the bytes that were read prove nothing.
    if (file.slots.slotOf(sample) === slot) this.#forgetChanged(file, sample);
    return false;
  }

  /** Writes a copy of the image if there is room. `image` must not change until the promise resolves. Never rejects. */
  async keep(sample: number, image: Uint8Array): Promise<void> {
    this.#opened ??= this.#open();
    const file = await this.#opened;
    if (file === null || file !== this.#file || !(await this.#hasRoom(file))) return;
    if (file.slots.slotOf(sample) >= 0) return;
    const slot = file.slots.take(sample);
    if (slot < 0) return;
    file.sums[slot] = crc32(image);
    this.#writing.add(sample);
    try {
      const at = slot * this.#imageBytes;
      const { bytesWritten } = await file.handle.write(image, 0, this.#imageBytes, at);
      if (bytesWritten !== this.#imageBytes) throw new Error(`only ${bytesWritten} bytes were taken`);
    } catch (caught) {
      this.#giveUp(`can't be written (${asTrainyardError(caught).message})`);
    } finally {
      this.#writing.delete(sample);
    }
  }

  /** Closes the file, which frees its space on the disk. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const file = await this.#opened;
    this.#file = null;
    await file?.handle.close().catch(() => undefined);
    await this.#closing;
  }

  /** Creates the file. Returns null when that is not possible; the reason is reported once. */
  async #open(): Promise<Opened | null> {
    const { folder, budgetBytes } = this.#options;
    try {
      await mkdir(folder, { recursive: true });
      await removeLeftOvers(folder);
      if (this.#isClosed) return null;
      const count = Math.min(Math.floor(budgetBytes / this.#imageBytes), this.#samples);
      const opened = { slots: new CacheSlots(this.#samples, count), sums: new Uint32Array(count) };
      this.#file = { handle: await nameless(folder), ...opened };
      return this.#file;
    } catch (caught) {
      this.#sayWhy(`can't be made in ${folder} (${asTrainyardError(caught).message})`);
      return null;
    }
  }

  /** Whether enough of the disk stays free for others if the file grows by one image. */
  async #hasRoom({ slots }: Opened): Promise<boolean> {
    const needed = (slots.size + 1) * this.#imageBytes;
    if (needed <= this.#mayGrowTo) return true;
    const { folder, reserveBytes = limits.diskReserveBytes } = this.#options;
    const free = await statfs(folder).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => 0,
    );
    if (free < reserveBytes) return false;
    this.#mayGrowTo = needed + glanceBytes;
    return true;
  }

  #forgetChanged(file: Opened, sample: number): void {
    file.slots.drop(sample);
    this.#changed += 1;
    if (this.#changed >= mostChanged) this.#giveUp("gives back other bytes than were written");
  }

  /** Stops using the file. Reads and writes that have begun either finish before it is closed, or fail. */
  #giveUp(reason: string): void {
    const file = this.#file;
    if (file === null) return;
    this.#file = null;
    this.#opened = Promise.resolve(null);
    this.#closing = file.handle.close().catch(() => undefined);
    if (!this.#isClosed) this.#sayWhy(reason);
  }

  #sayWhy(reason: string): void {
    this.#options.onGivenUp?.(`the file of decoded images ${reason}`);
  }
}

/** A new file, open for reading and writing and already without a name: closing the handle frees its space. */
async function nameless(folder: string): Promise<FileHandle> {
  const name = join(folder, `${prefix}${randomUUID()}`);
  const handle = await open(name, "wx+", 0o600);
  await unlink(name).catch(() => undefined); // some file systems refuse it; the next start then removes the file
  return handle;
}

/** Removes files of processes that have died. One that belongs to a living process may lose its name too: it is open there. */
async function removeLeftOvers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix)) await unlink(join(folder, name)).catch(() => undefined);
  }
}
