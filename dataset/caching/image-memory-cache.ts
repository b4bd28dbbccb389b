/** The first tier of the image cache: decoded images of one split in one size, in memory of a fixed budget. */
import { CacheSlots } from "./cache-slots.js";

/** Memory is allocated in slabs of about this size, when the first image needs one. */
const slabBytes = 16 * 1024 * 1024;

export class ImageMemoryCache {
  readonly #imageBytes: number;
  readonly #count: number;
  readonly #perSlab: number;
  readonly #slabs: Uint8Array[] = [];
  readonly #slots: CacheSlots;

  /**
   * @param samples number of samples in the split.
   * @param imageBytes bytes of one image: height x width x channels.
   * @param budgetBytes most bytes that the images may take.
   */
  constructor(samples: number, imageBytes: number, budgetBytes: number) {
    this.#imageBytes = imageBytes;
    this.#count = Math.min(samples, Math.floor(budgetBytes / imageBytes));
    this.#perSlab = Math.max(1, Math.floor(slabBytes / imageBytes));
    this.#slots = new CacheSlots(samples, this.#count);
  }

  /** Bytes of the images that are in memory. */
  get heldBytes(): number {
    return this.#slots.size * this.#imageBytes;
  }

  /** Copies the sample's image to `target` and returns true; returns false when the image is not in memory. */
  copyTo(sample: number, target: Uint8Array): boolean {
    const slot = this.#slots.find(sample);
    if (slot < 0) return false;
    target.set(this.#view(slot));
    return true;
  }

  /** Keeps a copy of the image if there is room. Returns whether the image is in memory now. */
  keep(sample: number, image: Uint8Array): boolean {
    if (this.#slots.slotOf(sample) >= 0) return true;
    const slot = this.#slots.take(sample);
    if (slot >= 0) this.#view(slot).set(image);
    return slot >= 0;
  }

  #view(slot: number): Uint8Array {
    const at = Math.floor(slot / this.#perSlab);
    const slots = Math.min(this.#perSlab, this.#count - at * this.#perSlab);
    const slab = this.#slabs[at] ?? new Uint8Array(slots * this.#imageBytes);
    this.#slabs[at] = slab;
    const begin = (slot - at * this.#perSlab) * this.#imageBytes;
    return slab.subarray(begin, begin + this.#imageBytes);
  }
}
