/** The drill's run on a damaged shard: what is damaged, how it is mended, and which runs have kept the promise. */
import { describe, expect, it } from "vitest";
import type { Manifest } from "../../dataset/manifest.js";
import { damageShard, judgeDamage } from "../../drill/damaged-shard.js";
import { MemoryStore } from "../support/memory-store.js";

const signal = new AbortController().signal;
const key = "datasets/figures/train-0.tar";
const samples = [0, 1, 2].map((index) => ({
  offset: 100 * index,
  bytes: 100,
  label: 0,
  sha256: "",
  source: `${index}.png`,
}));
const manifest = {
  name: "figures",
  splits: { train: { samples: 3, shards: [{ key, bytes: 300, sha256: "", samples }] } },
} as unknown as Manifest;

describe("a damaged shard", () => {
  it("has half of its first two images overwritten, and is mended to the byte", async () => {
    const store = new MemoryStore();
    const whole = new Uint8Array(300).fill(7);
    await store.put(key, whole);
    const { damaged, mend } = await damageShard(store, manifest, signal);
    expect(damaged).toEqual([0, 1]);
    const spoilt = [...(await store.get(key))];
    expect(spoilt.filter((byte) => byte === 0)).toHaveLength(100);
    expect(spoilt.slice(200)).toEqual(Array(100).fill(7));
    await mend();
    expect([...(await store.get(key))]).toEqual([...whole]);
  });

  it("without enough images is refused by its name", async () => {
    const empty = { ...manifest, splits: { train: { samples: 0, shards: [] } } } as unknown as Manifest;
    await expect(damageShard(new MemoryStore(), empty, signal)).rejects.toThrow("figures has no images");
  });
});

describe("the run on it", () => {
  const of = (...numbers: number[]) =>
    numbers.map((sample) => ({ split: "train" as const, sample, step: 0, key, reason: "damaged" }));
  const counts = { committed: 8, redone: 0, skipped: 0, excluded: 4, lost: 0, repeated: 0 };
  const asked = { damaged: [0, 1], trainingSamples: 6, epochs: 2 };

  it("has kept the promise when it left out the damaged images and nothing else", () => {
    const judged = judgeDamage({ run: "damaged", exclusions: of(1, 0), samples: counts }, asked);
    expect(judged).toEqual({ run: "damaged", damaged: [0, 1], excluded: [0, 1], samplesLost: 0, kept: true });
  });

  it.each([
    ["one image was not found", of(0), 8],
    ["another image was left out too", of(0, 1, 2), 8],
    ["a whole image is in no commit", of(0, 1), 7],
  ])("has broken it when %s", (_, exclusions, committed) => {
    const samples = { ...counts, committed };
    expect(judgeDamage({ run: "damaged", exclusions, samples }, asked)).toMatchObject({ kept: false });
  });
});
