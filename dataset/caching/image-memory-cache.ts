/** Decoded images of one split in one size, in memory of a fixed budget: the first tier of what a loader remembers. */
import { CacheSlots } from "./cache-slots.js";

/** Slots are allocated in slabs of about this size, as they fill. */
const slabBytes = 16 * 1024 * 1024;

export class ImageMemoryCache {
  readonly #imageBytes: number;
  readonly #count: number;
  readonly #perSlab: number;
  readonly #slabs: Uint8Array[] = [];
  readonly #slots: CacheSlots;

  /** @param samples of the split; @param imageBytes of one image, height x width x channels. */
  constructor(samples: number, imageBytes: number, budgetBytes: number) {
    this.#imageBytes = imageBytes;
    this.#count = Math.min(samples, Math.floor(budgetBytes / imageBytes));
    this.#perSlab = Math.max(1, Math.floor(slabBytes / imageBytes));
    this.#slots = new CacheSlots(samples, this.#count);
  }

  get heldBytes(): number {
    return this.#slots.size * this.#imageBytes;
  }

  /** Copies the sample's image to `target`, if it is here. */
  copyTo(sample: number, target: Uint8Array): boolean {
    const slot = this.#slots.find(sample);
    if (slot < 0) return false;
    target.set(this.#view(slot));
    return true;
  }

  /** Keeps a copy if there is room. Whether the image is here now. */
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
