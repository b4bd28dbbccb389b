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

/**
 * How words become random numbers. Stored formats say which draws they were made with, so that a change of the draws never
 * gives an old run another order. 1: three hashes of 32 bits that follow from one of 32 bits, so that two streams are equal
 * with probability 2^-32. 2: all 96 bits of a stream's state follow from the words on their own.
 */
export type Draws = 1 | 2;

/** The draws of everything that is new. */
export const newestDraws = 2 satisfies Draws;

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

/** The 96 bits of state that a stream begins with. */
type StreamState = readonly [a: number, b: number, c: number];

/** The state of draws 1. It keeps 32 bits of what the words say, because all three hashes share one. */
const narrowState = (words: readonly number[]): StreamState => [
  hashWords(...words, 1),
  hashWords(...words, 2),
  hashWords(...words, 3),
];

/**
 * The state of draws 2. A word enters 64 of the 96 bits, and a round that can be undone mixes them into all. So two lists
 * that differ in one word never give the same state, and nor do two that differ in their last two words below 2^32, as
 * (epoch, sample) do. Other lists do with probability 2^-96.
 */
function wideState(words: readonly number[]): StreamState {
  let [a, b, c] = [mix(0x9e3779b9 ^ words.length), 0x243f6a88, 0x85a308d3];
  for (const word of words) {
    a = mix(a ^ (word >>> 0));
    b = mix((b ^ Math.floor(word / 0x1_0000_0000)) + a);
    c = mix(c + b);
    a = (a + c) >>> 0;
  }
  return [a, b, c];
}

/** The stream of numbers that a stored format's draws give for the words. */
export function drawStream(draws: Draws, ...words: number[]): NumberStream {
  return new NumberStream(draws === 1 ? narrowState(words) : wideState(words));
}

/** Two unsigned 32-bit numbers from the words, as a seed of TensorFlow's random ops. By draws 1 the second one is 0. */
export function drawSeed(draws: Draws, ...words: number[]): [number, number] {
  if (draws === 1) return [hashWords(...words), 0];
  const [a, b] = wideState(words);
  return [a, b];
}

/** A stream of numbers from a state (sfc32 by Chris Doty-Humphrey, public domain; passes PractRand). */
export class NumberStream {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor([a, b, c]: StreamState) {
    this.#a = a;
    this.#b = b;
    this.#c = c;
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

/** A stream of numbers from words, by the newest draws. What is stored names its draws: use `drawStream` there. */
export class RandomStream extends NumberStream {
  constructor(...words: number[]) {
    super(wideState(words));
  }
}
