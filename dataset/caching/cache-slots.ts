/**
 * The index of a cache: which slot holds which sample's image. It keeps the images that came first for as long as they
 * are used. An epoch visits every sample once, so a cache that evicts the least recently used one would never hit.
 */
export class CacheSlots {
  readonly #slots: number;
  /** Slot of each sample; -1 when the sample has no slot. */
  readonly #slotOf: Int32Array;
  readonly #sampleOf: Int32Array;
  /** Value of the lookup counter when each slot was last used. */
  readonly #usedAt: Float64Array;
  /** Slots that were dropped and can be taken again. */
  readonly #free: number[] = [];
  /** Slots below this number have been taken at least once. */
  #begun = 0;
  /** The slot that is looked at next for eviction, as the hand of a clock algorithm. */
  #hand = 0;
  #lookups = 0;

  /**
   * @param samples number of samples in the split.
   * @param slots number of images that the cache can hold.
   */
  constructor(samples: number, slots: number) {
    this.#slots = Math.max(0, Math.min(samples, slots));
    this.#slotOf = new Int32Array(samples).fill(-1);
    this.#sampleOf = new Int32Array(this.#slots);
    this.#usedAt = new Float64Array(this.#slots);
  }

  /** Number of slots in use. */
  get size(): number {
    return this.#begun - this.#free.length;
  }

  /** Looks the sample up: its slot, or -1. Counts as a use of the slot. */
  find(sample: number): number {
    this.#lookups += 1;
    const slot = this.#slotOf[sample] ?? -1;
    if (slot >= 0) this.#usedAt[slot] = this.#lookups;
    return slot;
  }

  /** The sample's slot, or -1. Unlike `find`, this does not count as a use. */
  slotOf(sample: number): number {
    return this.#slotOf[sample] ?? -1;
  }

  /**
   * Assigns a slot to a sample that has none. Returns -1 when every slot holds an image that was used within the last
   * two epochs.
   */
  take(sample: number): number {
    const slot = this.#freeSlot();
    if (slot < 0) return -1;
    this.#slotOf[sample] = slot;
    this.#sampleOf[slot] = sample;
    this.#usedAt[slot] = this.#lookups;
    return slot;
  }

  /** Frees the sample's slot. */
  drop(sample: number): void {
    const slot = this.#slotOf[sample] ?? -1;
    if (slot < 0) return;
    this.#slotOf[sample] = -1;
    this.#usedAt[slot] = Number.POSITIVE_INFINITY; // never stale: the slot is on the free list
    this.#free.push(slot);
  }

  /** A dropped slot, else one that was never used, else the slot at the hand if its lane has left this worker; else -1. */
  #freeSlot(): number {
    const dropped = this.#free.pop();
    if (dropped !== undefined) return dropped;
    if (this.#begun < this.#slots) return this.#begun++;
    if (this.#slots === 0) return -1;
    const slot = this.#hand;
    this.#hand = (this.#hand + 1) % this.#slots;
    if (this.#lookups - (this.#usedAt[slot] ?? 0) <= 2 * this.#slotOf.length) return -1;
    this.#slotOf[this.#sampleOf[slot] ?? 0] = -1;
    return slot;
  }
}
