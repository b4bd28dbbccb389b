/**
 * Decoded pictures of one split in one size, in memory of a fixed budget. Keeps what came first while it is in use:
 * epochs visit every sample once, and throwing out the least recently used would then never hit.
 */

/** Slots are allocated in slabs of about this size, as they fill. */
const slabBytes = 16 * 1024 * 1024;

export class ImageCache {
  readonly #imageBytes: number;
  readonly #slots: number;
  readonly #perSlab: number;
  readonly #slabs: Uint8Array[] = [];
  /** Slot of each sample, -1 = none. */
  readonly #slotOf: Int32Array;
  readonly #sampleOf: Int32Array;
  /** Count of lookups at each slot's last use. */
  readonly #usedAt: Float64Array;
  #filled = 0;
  #hand = 0;
  #lookups = 0;

  /** @param samples of the split; @param imageBytes of one picture, height x width x channels. */
  constructor(samples: number, imageBytes: number, budgetBytes: number) {
    this.#imageBytes = imageBytes;
    this.#slots = Math.min(samples, Math.floor(budgetBytes / imageBytes));
    this.#perSlab = Math.max(1, Math.floor(slabBytes / imageBytes));
    this.#slotOf = new Int32Array(samples).fill(-1);
    this.#sampleOf = new Int32Array(this.#slots);
    this.#usedAt = new Float64Array(this.#slots);
  }

  get heldBytes(): number {
    return this.#filled * this.#imageBytes;
  }

  /** Copies the sample's picture to `target` at `offset`, if it is here. */
  copyTo(sample: number, target: Uint8Array, offset: number): boolean {
    this.#lookups += 1;
    const slot = this.#slotOf[sample] ?? -1;
    if (slot < 0) return false;
    this.#usedAt[slot] = this.#lookups;
    target.set(this.#view(slot), offset);
    return true;
  }

  /** Keeps a copy, unless every slot is taken by a picture that was used within the last two epochs' lookups. */
  keep(sample: number, picture: Uint8Array): void {
    if ((this.#slotOf[sample] ?? 0) >= 0) return;
    const slot = this.#freeSlot();
    if (slot < 0) return;
    this.#slotOf[sample] = slot;
    this.#sampleOf[slot] = sample;
    this.#usedAt[slot] = this.#lookups;
    this.#view(slot).set(picture);
  }

  /** A slot never used, else the one at the hand if its lane has left this worker; -1 = none. */
  #freeSlot(): number {
    if (this.#filled < this.#slots) return this.#filled++;
    if (this.#slots === 0) return -1;
    const slot = this.#hand;
    this.#hand = (this.#hand + 1) % this.#slots;
    if (this.#lookups - (this.#usedAt[slot] ?? 0) <= 2 * this.#slotOf.length) return -1;
    this.#slotOf[this.#sampleOf[slot] ?? 0] = -1;
    return slot;
  }

  #view(slot: number): Uint8Array {
    const at = Math.floor(slot / this.#perSlab);
    const slots = Math.min(this.#perSlab, this.#slots - at * this.#perSlab);
    const slab = this.#slabs[at] ?? new Uint8Array(slots * this.#imageBytes);
    this.#slabs[at] = slab;
    const begin = (slot - at * this.#perSlab) * this.#imageBytes;
    return slab.subarray(begin, begin + this.#imageBytes);
  }
}
