/**
 * Counter-based random numbers: a value depends on its words (seed, purpose, epoch, sample, ...) and on nothing
 * else, so it does not matter which worker draws it, in which order, or how often. Never Math.random.
 */

/** Separates the streams: the same (seed, epoch, sample) means different numbers for different purposes. */
export const Purpose = {
  weights: 1,
  shardOrder: 2,
  sampleOrder: 3,
  augmentation: 4,
  dropout: 5,
  importShuffle: 6,
  split: 7,
  audit: 8,
  trace: 9,
} as const;

/** Murmur3's 32-bit finaliser (Appleby, public domain): every input bit reaches every output bit. */
function mix(word: number): number {
  let h = word >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Unsigned 32-bit hash of any number of non-negative integers up to 2^53 - 1. */
export function hashWords(...words: number[]): number {
  let h = 0x9e3779b9;
  for (const word of words) {
    const low = word >>> 0;
    const high = Math.floor(word / 0x1_0000_0000) >>> 0;
    h = mix(h ^ mix(low + 0x7f4a7c15));
    h = mix((Math.imul(h, 5) + 0xe6546b64) ^ mix(high + 0x165667b1));
  }
  return h >>> 0;
}

/** A stream of numbers from words (sfc32 by Chris Doty-Humphrey, public domain; passes PractRand). */
export class RandomStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(...words: number[]) {
    this.#a = hashWords(...words, 1);
    this.#b = hashWords(...words, 2);
    this.#c = hashWords(...words, 3);
    for (let i = 0; i < 12; i += 1) this.nextUint32();
  }

  nextUint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  /** Uniform in [0, 1), 53 bits. */
  nextFloat(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000;
  }

  /** Uniform in [low, high). */
  nextBetween(low: number, high: number): number {
    return low + (high - low) * this.nextFloat();
  }

  /** Uniform integer in [0, bound), without modulo bias. */
  nextBelow(bound: number): number {
    const limit = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    for (;;) {
      const value = this.nextUint32();
      if (value < limit) return value % bound;
    }
  }

  /** Fisher-Yates, in place. */
  shuffle<T>(items: { [index: number]: T; readonly length: number }): void {
    for (let i = items.length - 1; i > 0; i -= 1) {
      const j = this.nextBelow(i + 1);
      const held = items[i] as T;
      items[i] = items[j] as T;
      items[j] = held;
    }
  }
}
