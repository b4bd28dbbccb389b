/** Draws: streams that share nothing by chance, and draws of earlier formats that stay as they were. */
import { describe, expect, it } from "vitest";
import { laneEpochOrder } from "../../dataset/sample-order.js";
import { type Draws, drawSeed, drawStream, newestDraws, Purpose, RandomStream } from "../../shared/random.js";

/** How many of the streams begin with the same 53 bits as another: of 25 epochs of 60,000 samples. */
function collisions(draws: Draws): number {
  const first = new Float64Array(25 * 60_000);
  for (let epoch = 0; epoch < 25; epoch += 1) {
    for (let sample = 0; sample < 60_000; sample += 1) {
      const stream = drawStream(draws, 7, Purpose.augmentation, epoch, sample);
      first[epoch * 60_000 + sample] = stream.nextFloat();
    }
  }
  first.sort();
  return first.reduce((count, value, at) => count + (value === first[at + 1] ? 1 : 0), 0);
}

describe("draws 2", () => {
  it("give 25 epochs of 60,000 samples as many different augmentations; draws 1 gave some of them twice", () => {
    expect(collisions(2)).toBe(0);
    expect(collisions(1)).toBeGreaterThan(150);
  }, 60_000);

  it("give as many different seeds of dropout: 250,000 steps of 4 lanes and 1 call", () => {
    const seeds = new Set<number>();
    for (let step = 0; step < 250_000; step += 1) {
      for (let lane = 0; lane < 4; lane += 1) {
        const [a, b] = drawSeed(2, 7, Purpose.dropout, step, lane, 0);
        seeds.add(a * 2 ** 21 + (b >>> 11));
      }
    }
    expect(seeds.size).toBe(1_000_000);
  }, 60_000);

  it("of a number above 2^32 use its high half, and of a list its length", () => {
    const firsts = [[5], [5 + 2 ** 32], [5 + 2 ** 33], [5, 0], [0, 5], [0, 0, 5]].map((words) =>
      drawStream(2, ...words).nextFloat(),
    );
    expect(new Set(firsts).size).toBe(firsts.length);
  });

  it("are uniform: 256 bins of 100,000 first numbers, by each of the words", () => {
    for (const wordsOf of [(i: number) => [i, 3, 0], (i: number) => [3, i, 0], (i: number) => [3, 4, i]]) {
      const bins = new Float64Array(256);
      for (let i = 0; i < 100_000; i += 1) {
        const bin = drawStream(2, ...wordsOf(i)).nextUint32() >>> 24;
        bins[bin] = (bins[bin] as number) + 1;
      }
      const expected = 100_000 / 256;
      const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
      // 255 degrees of freedom: mean 255, deviation 22.6.
      expect(Math.abs(chiSquare - 255)).toBeLessThan(5 * 22.6);
    }
  });

  it("are those of everything new", () => {
    expect(newestDraws).toBe(2);
    expect(new RandomStream(1, 2, 3).nextFloat()).toBe(drawStream(2, 1, 2, 3).nextFloat());
  });
});

describe("the draws of a format never change", () => {
  const order = (draws: Draws) =>
    laneEpochOrder({
      draws,
      seed: 11,
      epoch: 2,
      lane: 1,
      lanes: 2,
      split: { samples: 24, shards: [6, 6, 6, 6].map((length) => ({ samples: { length } })) },
      shuffleShards: 1,
    }).join(" ");

  it("draws 1", () => {
    expect(order(1)).toBe("12 16 17 14 15 13 19 22 23 18 20 21");
    expect(drawSeed(1, 11, Purpose.dropout, 3, 1, 0)).toEqual([1837906053, 0]);
    expect(drawStream(1, 11, Purpose.weights, 0).nextFloat()).toBe(0.5928423529173442);
  });

  it("draws 2", () => {
    expect(order(2)).toBe("20 22 18 23 21 19 15 17 14 16 13 12");
    expect(drawSeed(2, 11, Purpose.dropout, 3, 1, 0)).toEqual([1112390980, 1379854363]);
    expect(drawStream(2, 11, Purpose.weights, 0).nextFloat()).toBe(0.248553433237111);
  });
});
