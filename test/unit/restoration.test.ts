/** Which checkpoint a run goes on from when its coordinator died at any moment of writing (CASES OS8, TN7). */
import { beforeEach, describe, expect, it } from "vitest";
import { CheckpointWriter } from "../../coordinator/checkpoints/checkpoint-writer.js";
import { findRestoration, type Search } from "../../coordinator/checkpoints/restoration.js";
import type { SavedState } from "../../coordinator/core/state.js";
import { Journal } from "../../coordinator/journal.js";
import { initialOptimizer, momentVectorsOf } from "../../coordinator/optimizers/registry.js";
import { takeNumber } from "../../coordinator/ownership/generation-record.js";
import { CheckpointManifest } from "../../shared/checkpoint.js";
import { realClock } from "../../shared/clock.js";
import { generationKey } from "../../shared/generations.js";
import type { OptimizerSpec } from "../../shared/spec.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import { CoreDriver, tinyLayout, tinySpec } from "../support/core-driver.js";
import { MemoryStore } from "../support/memory-store.js";
import { sgdSpec } from "../support/optimizers.js";

const run = "test";
const { optimizer } = tinySpec();
const checkpoints = `runs/${run}/checkpoints`;

function savedAt(step: number, change: Partial<SavedState> = {}): SavedState {
  const { progress } = new CoreDriver(tinySpec()).state;
  return {
    progress: {
      ...progress,
      step,
      epoch: Math.floor(step / 2),
      statistics: { sums: Float64Array.of(step / 3, Math.PI), decay: [0.9 ** step] },
    },
    evaluation: null,
    lastEpoch: null,
    bestCheckpoint: null,
    endedBecause: null,
    fingerprints: [],
    joined: 1,
    elapsedMs: step,
    epochElapsedMs: 0,
    ...change,
  };
}

const vectorsAt = (step: number) => ({
  weights: Float32Array.of(step, 1 / 3),
  moments: [Float32Array.of(step + 0.1, -1), Float32Array.of(step + 0.2, 1e-30)],
});

/** Writes as a coordinator does: rows of two steps and an epoch, then the checkpoint; one after the other. */
class Writer {
  readonly #journal: Journal;
  readonly #checkpoints: CheckpointWriter;

  constructor(
    readonly store: MemoryStore,
    readonly generation: number,
    readonly keep = 5,
    search: Pick<Search, "restoration" | "abandoned"> = { restoration: null, abandoned: [] },
  ) {
    const former = search.restoration;
    this.#journal = new Journal(run, generation, realClock, former?.log);
    this.#checkpoints = new CheckpointWriter({
      store,
      run,
      keep,
      momentVectors: momentVectorsOf(optimizer),
      former: former?.former ?? [],
      abandoned: search.abandoned,
    });
  }

  async seal(...steps: number[]) {
    for (const step of steps) {
      const epoch = Math.floor(step / 2);
      const numbers = { loss: 1, accuracy: 0.5, learningRate: 1e-3 };
      const row = { step, epoch, ...numbers, gradientNorm: 1, samples: 8, seconds: 1 };
      this.#journal.step({ ...row, crc32c: this.generation * 100 + step, status: "applied" });
      if (step % 2 === 0) continue;
      const validation = { validationLoss: null, validationAccuracy: null };
      this.#journal.epoch({
        epoch,
        step: step + 1,
        ...numbers,
        ...validation,
        seconds: 1,
        imagesPerSecond: 8,
      });
    }
    return await this.#journal.seal(this.store, this.#journal.takeUnsealed());
  }

  /** `steps`: those since the last checkpoint. */
  async checkpoint(
    step: number,
    steps: readonly number[],
    change: Partial<SavedState> = {},
    vectors = vectorsAt(step),
  ): Promise<void> {
    await this.#checkpoints.write({
      checkpoint: `${this.generation}-${step}`,
      reason: "test",
      layout: tinyLayout,
      saved: savedAt(step, change),
      vectors,
      log: await this.seal(...steps),
    });
  }
}

const recordOf = (generation: number) => ({
  generation,
  address: "h:1",
  http: "h:2",
  startedAt: "2026-01-01T00:00:00Z",
  renewals: 0,
});

async function claim(store: MemoryStore, generation: number, from: string | null): Promise<void> {
  await takeNumber(store, run, { ...recordOf(generation), from, changes: {} });
}

const keysOf = (store: MemoryStore, id: string) =>
  [...store.objects.keys()].filter((key) => key.startsWith(`${checkpoints}/${id}/`));

/** Gives a document of a checkpoint a format number of the future, and the manifest its new hash. */
async function changeFormat(store: MemoryStore, key: string, manifestKey: string): Promise<void> {
  const text = (at: string) => Buffer.from(store.objects.get(at) as Uint8Array).toString("utf8");
  const changed = Buffer.from(text(key).replace(/("format": ?"[a-z-]+)\/\d+/, "$1/99"));
  store.objects.set(key, changed);
  if (key === manifestKey) return;
  const manifest = CheckpointManifest.parse(JSON.parse(text(manifestKey)));
  const objects = manifest.objects.map((entry) =>
    entry.key === key ? { key, bytes: changed.length, sha256: sha256Hex(changed) } : entry,
  );
  store.objects.set(manifestKey, Buffer.from(JSON.stringify({ ...manifest, objects })));
}

describe("the checkpoint that a run goes on from", () => {
  let store: MemoryStore;
  let first: Writer;

  beforeEach(async () => {
    store = new MemoryStore();
    await claim(store, 1, null);
    first = new Writer(store, 1);
    await first.checkpoint(0, []);
    await first.checkpoint(2, [0, 1]);
    await first.checkpoint(4, [2, 3]);
  });

  const chosen = async () => {
    const { restoration, notes } = await findRestoration(store, run, optimizer);
    return { id: restoration?.restored.checkpoint, notes, restoration };
  };

  it("is the newest, with every vector, count, product and statistic as it was", async () => {
    const { id, notes, restoration } = await chosen();
    expect({ id, notes }).toEqual({ id: "1-4", notes: [] });
    expect(restoration?.vectors).toEqual(vectorsAt(4));
    expect(restoration?.restored).toMatchObject({ saved: savedAt(4), layout: tinyLayout, redone: 0 });
  });

  it.each([0, 1, 2, 3, 4])(
    "is the one before when the coordinator died after %i objects of the newest",
    async (objects) => {
      const files = ["weights.safetensors", "adam-m.safetensors", "adam-v.safetensors", "state.json"];
      const written = files.slice(0, objects).map((name) => `${checkpoints}/1-4/${name}`);
      for (const key of keysOf(store, "1-4")) if (!written.includes(key)) store.objects.delete(key);
      const { id, notes } = await chosen();
      expect(id).toBe("1-2");
      expect(notes).toEqual(
        objects === 0 ? [] : [expect.stringMatching(/1-4 is skipped: it has no manifest/)],
      );
    },
  );

  it.each(["weights.safetensors", "adam-m.safetensors", "adam-v.safetensors", "state.json"])(
    "is the one before when %s of the newest is cut, altered or missing, which is said",
    async (name) => {
      const key = `${checkpoints}/1-4/${name}`;
      const bytes = store.objects.get(key) as Uint8Array;
      const altered = bytes.slice();
      altered[bytes.length - 3] = (altered[bytes.length - 3] as number) ^ 4;
      for (const [damage, word] of [
        [bytes.slice(0, -1), "cut or altered"],
        [altered, "cut or altered"],
        [null, "missing"],
      ] as const) {
        if (damage === null) store.objects.delete(key);
        else store.objects.set(key, damage);
        const { id, notes } = await chosen();
        expect(id).toBe("1-2");
        expect(notes).toEqual([expect.stringMatching(`1-4 is skipped: ${name} is ${word}`)]);
      }
    },
  );

  it("is the one before when the newest holds a value that is not finite, as earlier versions could write it", async () => {
    await first.checkpoint(6, [4, 5], {}, { ...vectorsAt(6), weights: Float32Array.of(6, Number.NaN) });
    const { id, notes } = await chosen();
    expect({ id, notes }).toEqual({
      id: "1-4",
      notes: ["checkpoint 1-6 is skipped: weights.safetensors holds values that are not finite"],
    });
  });

  it("is the one before when the newest manifest is cut", async () => {
    const key = `${checkpoints}/1-4/manifest.json`;
    store.objects.set(key, (store.objects.get(key) as Uint8Array).slice(0, 40));
    expect(await chosen()).toMatchObject({ id: "1-2", notes: [expect.stringContaining("manifest")] });
  });

  it.each(["manifest.json", "state.json"])(
    "is never an older one in place of one whose %s another version wrote: the run is refused",
    async (file) => {
      const id = "1-4";
      await changeFormat(store, `${checkpoints}/${id}/${file}`, `${checkpoints}/${id}/manifest.json`);
      await expect(chosen()).rejects.toMatchObject({
        code: "UNKNOWN_FORMAT",
        exitCode: 2,
        message: expect.stringMatching(
          /checkpoints\/1-4\/\w+\.json has the format trainyard-\w+\/99, and Trainyard \S+ reads trainyard-\w+\/1: another version/,
        ),
      });
    },
  );

  it("is none, with the reason for each, when none is whole", async () => {
    for (const id of ["1-0", "1-2"]) store.objects.delete(`${checkpoints}/${id}/weights.safetensors`);
    store.objects.delete(`${checkpoints}/1-4/manifest.json`);
    await expect(chosen()).rejects.toMatchObject({
      code: "NOT_FOUND",
      exitCode: 2,
      message: expect.stringMatching(/1-4 .*no manifest.*1-2 .*missing.*1-0 .*missing/),
    });
  });

  it("is the beginning when checkpoint 0 was never finished, and when there is nothing", async () => {
    for (const id of ["1-2", "1-4"]) for (const key of keysOf(store, id)) store.objects.delete(key);
    store.objects.delete(`${checkpoints}/1-0/manifest.json`);
    expect(await chosen()).toMatchObject({ restoration: null });
    store.objects.clear();
    expect(await chosen()).toMatchObject({ restoration: null, notes: [] });
  });

  it("is the later coordinator's, and nothing that the former wrote beyond its start", async () => {
    const search = await findRestoration(store, run, optimizer);
    await claim(store, 2, "1-4");
    await first.checkpoint(8, [4, 5, 6, 7]); // a coordinator that was cut off and does not know it
    expect((await chosen()).id).toBe("1-4");
    await new Writer(store, 2, 5, search).checkpoint(6, [4, 5]);
    const { id, restoration: next } = await chosen();
    expect(id).toBe("2-6");
    expect([...(next?.log.curve.steps ?? [])].map(({ crc32c }) => crc32c)).toEqual([
      100, 101, 102, 103, 204, 205,
    ]);
  });

  it("is in the line of the newest coordinator: one that was taken over before it came to anything is not", async () => {
    const search = await findRestoration(store, run, optimizer);
    // The second took the run and hung; the third went on from the same checkpoint.
    await takeNumber(store, run, { ...recordOf(2), changes: {} });
    await claim(store, 3, "1-4");
    await new Writer(store, 3, 5, search).checkpoint(6, [4, 5]);
    // Awake again, the second writes down an older start, and a checkpoint.
    await store.put(generationKey(run, 2), Buffer.from(JSON.stringify({ ...recordOf(2), from: "1-2" })));
    await new Writer(store, 2).checkpoint(9, [4]);
    expect((await chosen()).id).toBe("3-6");
    for (const key of keysOf(store, "3-6")) store.objects.delete(key);
    expect((await chosen()).id).toBe("1-4");
  });

  it("is found without any record of a start: a person who cleans up by hand must not lose the run", async () => {
    for (const key of [...store.objects.keys()]) if (key.includes("/generations/")) store.objects.delete(key);
    expect((await chosen()).id).toBe("1-4");
  });

  it("brings the curve up to it, every row once, and counts sealed commits beyond it as redone", async () => {
    await first.seal(4, 5); // sealed, and then the coordinator died
    store.objects.delete(`${checkpoints}/1-4/manifest.json`);
    const search = await findRestoration(store, run, optimizer);
    const { restoration } = search;
    expect([...(restoration?.log.curve.steps ?? [])].map(({ step }) => step)).toEqual([0, 1]);
    expect([...(restoration?.log.curve.epochs ?? [])].map(({ epoch }) => epoch)).toEqual([0]);
    expect(restoration?.restored.redone).toBe(4 * 8);
    await claim(store, 2, "1-2");
    await new Writer(store, 2, 5, search).checkpoint(4, [2, 3]);
    const { restoration: next } = await chosen();
    expect([...(next?.log.curve.steps ?? [])].map(({ crc32c }) => crc32c)).toEqual([100, 101, 202, 203]);
    expect(next?.restored.redone).toBe(0);
  });

  it("is used with a gap in the curve, which is said, when a log segment is damaged", async () => {
    store.objects.set(`runs/${run}/log/1-0.jsonl`, Buffer.from("x"));
    const { id, notes, restoration } = await chosen();
    expect({ id, notes }).toMatchObject({ id: "1-4", notes: [expect.stringContaining("log/1-0.jsonl")] });
    expect([...(restoration?.log.curve.steps ?? [])].map(({ step }) => step)).toEqual([2, 3]);
  });

  it("has a best one that is checked too: what can't be exported any more is said", async () => {
    await first.checkpoint(6, [4, 5], { bestCheckpoint: "1-2" });
    expect((await chosen()).restoration?.restored.saved.bestCheckpoint).toBe("1-2");
    store.objects.delete(`${checkpoints}/1-2/weights.safetensors`);
    const { id, notes, restoration } = await chosen();
    expect({ id, notes }).toMatchObject({
      id: "1-6",
      notes: [expect.stringMatching(/best .* 1-2.*missing/)],
    });
    expect(restoration?.restored.saved.bestCheckpoint).toBeNull();
  });
});

describe("a checkpoint of SGD", () => {
  const written = async (momentum: number) => {
    const store = new MemoryStore();
    await claim(store, 1, null);
    const sgd: OptimizerSpec = { ...sgdSpec, momentum };
    const momentVectors = momentVectorsOf(sgd);
    const { progress } = savedAt(2);
    const saved = savedAt(2, { progress: { ...progress, optimizer: initialOptimizer(sgd) } });
    const vectors = {
      weights: Float32Array.of(1, 2),
      moments: momentVectors.map(() => Float32Array.of(-0.5, 1e-30)),
    };
    await new CheckpointWriter({ store, run, keep: 1, momentVectors }).write({
      checkpoint: "1-2",
      reason: "test",
      layout: tinyLayout,
      saved,
      vectors,
      log: [],
    });
    return { store, sgd, saved, vectors };
  };
  const filesOf = (store: MemoryStore) =>
    keysOf(store, "1-2")
      .map((key) => key.slice(key.lastIndexOf("/") + 1))
      .sort();

  it("with momentum holds the velocity, which comes back with its bits", async () => {
    const { store, sgd, saved, vectors } = await written(0.9);
    expect(filesOf(store)).toEqual([
      "manifest.json",
      "sgd-velocity.safetensors",
      "state.json",
      "weights.safetensors",
    ]);
    const { restoration } = await findRestoration(store, run, sgd);
    expect(restoration?.vectors).toEqual(vectors);
    expect(restoration?.restored.saved).toEqual(saved);
  });

  it("without momentum holds the weights alone", async () => {
    const { store, sgd, vectors } = await written(0);
    expect(filesOf(store)).toEqual(["manifest.json", "state.json", "weights.safetensors"]);
    expect((await findRestoration(store, run, sgd)).restoration?.vectors).toEqual(vectors);
  });

  it("is no checkpoint of a run with Adam", async () => {
    const { store } = await written(0.9);
    await expect(findRestoration(store, run, optimizer)).rejects.toThrow("not of the run's optimizer, adam");
  });
});

describe("the rotation of checkpoints", () => {
  const ids = (store: MemoryStore) => [
    ...new Set([...store.objects.keys()].flatMap((key) => /checkpoints\/([^/]+)\//.exec(key)?.[1] ?? [])),
  ];

  it("keeps the newest and the best, also of a former coordinator, and forgets the rest", async () => {
    const store = new MemoryStore();
    const first = new Writer(store, 1);
    await first.checkpoint(0, []);
    await first.checkpoint(2, [0, 1]);
    await first.checkpoint(4, [2, 3], { bestCheckpoint: "1-2" });
    const second = new Writer(store, 2, 2, await findRestoration(store, run, optimizer));
    await second.checkpoint(6, [4, 5], { bestCheckpoint: "1-2" });
    expect(ids(store).sort()).toEqual(["1-2", "1-4", "2-6"]);
    await second.checkpoint(8, [6, 7], { bestCheckpoint: "1-2" });
    expect(ids(store).sort()).toEqual(["1-2", "2-6", "2-8"]);
  });

  it("deletes what former coordinators left that nothing rests on, once its own checkpoint is whole", async () => {
    const store = new MemoryStore();
    await claim(store, 1, null);
    const first = new Writer(store, 1);
    await first.checkpoint(0, []);
    await first.checkpoint(2, [0, 1]);
    await claim(store, 2, "1-2");
    // Written by a coordinator that did not know yet that it was taken over; and one that died in the middle of its own.
    await first.checkpoint(4, [2, 3]);
    store.objects.set(`${checkpoints}/2-6/weights.safetensors`, Buffer.from("half"));
    const search = await findRestoration(store, run, optimizer);
    expect([...search.abandoned].sort()).toEqual(["1-4", "2-6"]);
    await claim(store, 3, "1-2");
    const third = new Writer(store, 3, 5, search);
    const put = store.put.bind(store);
    store.put = () => Promise.reject(new Error("full"));
    await expect(third.checkpoint(2, [])).rejects.toThrow("full");
    expect(ids(store).sort()).toEqual(["1-0", "1-2", "1-4", "2-6"]);
    store.put = put;
    await third.checkpoint(4, [2, 3]);
    expect(ids(store).sort()).toEqual(["1-0", "1-2", "3-4"]);
  });

  it("deletes what is left of a checkpoint of its own that failed", async () => {
    const store = new MemoryStore();
    const writer = new Writer(store, 1);
    await writer.checkpoint(0, []);
    const put = store.put.bind(store);
    store.put = (key, ...rest) =>
      key.endsWith("state.json") ? Promise.reject(new Error("full")) : put(key, ...rest);
    await expect(writer.checkpoint(2, [0, 1])).rejects.toThrow("full");
    expect(keysOf(store, "1-2")).not.toEqual([]);
    store.put = put;
    await writer.checkpoint(4, [2, 3]);
    expect(ids(store).sort()).toEqual(["1-0", "1-4"]);
  });

  it("writes the same commit once, so that it is never half overwritten", async () => {
    const store = new MemoryStore();
    const writer = new Writer(store, 1, 1);
    await writer.checkpoint(0, []);
    const before = store.objects.get(`${checkpoints}/1-0/state.json`);
    await writer.checkpoint(0, [], { elapsedMs: 99 });
    expect(store.objects.get(`${checkpoints}/1-0/state.json`)).toBe(before);
    expect(ids(store)).toEqual(["1-0"]);
  });
});

describe("a log segment that could not be written", () => {
  it("goes into the next one: no row is lost", async () => {
    const store = new MemoryStore();
    const writer = new Writer(store, 1);
    const put = store.put.bind(store);
    store.put = () => Promise.reject(new Error("full"));
    await expect(writer.seal(0, 1)).rejects.toThrow("full");
    store.put = put;
    const [segment] = await writer.seal(2);
    const text = Buffer.from(store.objects.get(segment?.key ?? "") ?? []).toString("utf8");
    expect([...text.matchAll(/"step":(\d)/g)].map(([, step]) => step)).toEqual(["0", "1", "2", "2"]);
  });
});
