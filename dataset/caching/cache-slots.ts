/**
 * Which slot of a cache holds which sample, whatever the slots are made of. Keeps what came first while it is in use:
 * epochs visit every sample once, and throwing out the least recently used would then never hit.
 */
export class CacheSlots {
  readonly #slots: number;
  /** Slot of each sample, -1 = none. */
  readonly #slotOf: Int32Array;
  readonly #sampleOf: Int32Array;
  /** Count of lookups at each slot's last use. */
  readonly #usedAt: Float64Array;
  /** Given back. */
  readonly #free: number[] = [];
  #begun = 0;
  #hand = 0;
  #lookups = 0;

  /** @param samples of the split. */
  constructor(samples: number, slots: number) {
    this.#slots = Math.max(0, Math.min(samples, slots));
    this.#slotOf = new Int32Array(samples).fill(-1);
    this.#sampleOf = new Int32Array(this.#slots);
    this.#usedAt = new Float64Array(this.#slots);
  }

  /** In use. */
  get size(): number {
    return this.#begun - this.#free.length;
  }

  /** The sample's slot, -1 = it has none. A lookup. */
  find(sample: number): number {
    this.#lookups += 1;
    const slot = this.#slotOf[sample] ?? -1;
    if (slot >= 0) this.#usedAt[slot] = this.#lookups;
    return slot;
  }

  /** The same, without being a lookup. */
  slotOf(sample: number): number {
    return this.#slotOf[sample] ?? -1;
  }

  /**
   * A slot for a sample that has none; -1 when every slot is taken by an image that was used within the last two
   * epochs' lookups. From now on it is the sample's.
   */
  take(sample: number): number {
    const slot = this.#freeSlot();
    if (slot < 0) return -1;
    this.#slotOf[sample] = slot;
    this.#sampleOf[slot] = sample;
    this.#usedAt[slot] = this.#lookups;
    return slot;
  }

  /** The sample has no slot any more. */
  drop(sample: number): void {
    const slot = this.#slotOf[sample] ?? -1;
    if (slot < 0) return;
    this.#slotOf[sample] = -1;
    this.#usedAt[slot] = Number.POSITIVE_INFINITY; // never found stale by the hand: it is on the list
    this.#free.push(slot);
  }

  /** One given back, one never used, else the one at the hand if its lane has left this worker; -1 = none. */
  #freeSlot(): number {
    const given = this.#free.pop();
    if (given !== undefined) return given;
    if (this.#begun < this.#slots) return this.#begun++;
    if (this.#slots === 0) return -1;
    const slot = this.#hand;
    this.#hand = (this.#hand + 1) % this.#slots;
    if (this.#lookups - (this.#usedAt[slot] ?? 0) <= 2 * this.#slotOf.length) return -1;
    this.#slotOf[this.#sampleOf[slot] ?? 0] = -1;
    return slot;
  }
}
