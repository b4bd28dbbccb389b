/**
 * Decoded images of one split in one size in a file of a fixed budget: the second tier of what a loader remembers. One
 * file of equal slots, read and written in place. It has no name while it is used, so it goes with its process, however
 * that ends, and no other process ever reads it. Each image's CRC is kept in memory and checked when it is read back.
 * Trouble with the disk is no trouble with the data: the image is decoded again.
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
  /** Made if need be. */
  readonly folder: string;
  /** Of the file. */
  readonly budgetBytes: number;
  /** The file grows only while so much of the disk stays free for others. Default limits.diskReserveBytes. */
  readonly reserveBytes?: number;
  /** Told once, in a clause, when the file is given up. */
  readonly onGivenUp?: (reason: string) => void;
}

/** Of names in the folder: what still has one was left by a process that died within a millisecond of opening it. */
const prefix = "pictures-";
/** How often the disk's free space is looked at: once for so many bytes. */
const glanceBytes = 16 * 1024 * 1024;
/** Images that come back changed, after which the disk is not trusted any more. */
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
  /** From the first image that is kept; null = given up. */
  #opened: Promise<Opened | null> | undefined;
  #file: Opened | null = null;
  /** Samples whose image is on its way into the file. */
  readonly #writing = new Set<number>();
  /** Up to here the file may grow before the disk is looked at again. */
  #mayGrowTo = 0;
  #changed = 0;
  #isClosed = false;
  /** Of a file that was given up. */
  #closing: Promise<void> = Promise.resolve();

  /** Nothing is opened before the first image is kept. */
  constructor(samples: number, imageBytes: number, options: ImageFileCacheOptions) {
    this.#samples = samples;
    this.#imageBytes = imageBytes;
    this.#options = options;
  }

  get heldBytes(): number {
    return (this.#file?.slots.size ?? 0) * this.#imageBytes;
  }

  /** Copies the sample's image to `target`, of its size, if it is here and as it was written. */
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
    // Unless the slot has become another sample's meanwhile.
    if (file.slots.slotOf(sample) === slot) this.#forgetChanged(file, sample);
    return false;
  }

  /** Keeps a copy if there is room; `image` must not change until this resolves. Never rejects. */
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

  /** Gives the disk back. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const file = await this.#opened;
    this.#file = null;
    await file?.handle.close().catch(() => undefined);
    await this.#closing;
  }

  /** Null when there is no such place: then there is no file, and that is said once. */
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

  /** Whether others keep enough of the disk if the file grows. */
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

  /** Calls under way fail by themselves, or are done before the file is closed. */
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

/** Open for reading and writing, and already removed: the disk is given back when the handle is closed. */
async function nameless(folder: string): Promise<FileHandle> {
  const name = join(folder, `${prefix}${randomUUID()}`);
  const handle = await open(name, "wx+", 0o600);
  await unlink(name).catch(() => undefined); // not possible everywhere; the next start does it then
  return handle;
}

/** Removing what another process is about to remove itself does no harm: it is open there already. */
async function removeLeftOvers(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix)) await unlink(join(folder, name)).catch(() => undefined);
  }
}
