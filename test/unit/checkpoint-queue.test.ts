/** What becomes of checkpoints that the store did not take while training went on. */
import { beforeEach, describe, expect, it } from "vitest";
import { CheckpointQueue } from "../../coordinator/checkpoints/checkpoint-queue.js";
import { CheckpointWriter } from "../../coordinator/checkpoints/checkpoint-writer.js";
import { findRestoration } from "../../coordinator/checkpoints/restoration.js";
import { savedState } from "../../coordinator/core/saved.js";
import { Journal } from "../../coordinator/journal.js";
import { momentVectorsOf } from "../../coordinator/optimizers/registry.js";
import { takeNumber } from "../../coordinator/ownership/generation-record.js";
import type { VectorSnapshot } from "../../coordinator/reducers/pool.js";
import { realClock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import { CoreDriver, tinyLayout, tinySpec } from "../support/core-driver.js";
import { MemoryStore } from "../support/memory-store.js";

const run = "test";
const away = new TrainyardError("STORE_UNREACHABLE", "the store is away");
let store: MemoryStore & { isAway?: boolean };
let queue: CheckpointQueue;
let notes: string[];
/** Steps whose snapshots were given back, in order. */
let released: number[];

beforeEach(async () => {
  [store, notes, released] = [new MemoryStore(), [], []];
  const [put, remove] = [store.put.bind(store), store.delete.bind(store)];
  store.put = (...call) => (store.isAway ? Promise.reject(away) : put(...call));
  store.delete = (...call) => (store.isAway ? Promise.reject(away) : remove(...call));
  const record = {
    generation: 1,
    address: "h:1",
    http: "h:2",
    startedAt: "2026",
    renewals: 0,
    from: null,
    changes: {},
  };
  await takeNumber(store, run, record);
  const writer = new CheckpointWriter({
    store,
    run,
    keep: 1,
    momentVectors: momentVectorsOf(tinySpec().optimizer),
    onLeftover: (note) => notes.push(note),
  });
  const journal = new Journal(run, 1, realClock);
  queue = new CheckpointQueue({ store, journal, writer, onUntidy: (note) => notes.push(note) });
});

function save(step: number, best: number, vectors = snapshotAt(step)) {
  const state = savedState(new CoreDriver(tinySpec()).state);
  const statistics = { sums: new Float64Array(2), decay: [1] };
  return queue.save({
    checkpoint: `1-${step}`,
    reason: "test",
    layout: tinyLayout,
    saved: {
      ...state,
      progress: { ...state.progress, step, statistics },
      bestCheckpoint: `1-${best}`,
    },
    vectors,
    unsealed: [`{"kind":"event","step":${step}}\n`],
  });
}

const snapshotAt = (step: number): Promise<VectorSnapshot> =>
  Promise.resolve({
    weights: Float32Array.of(step, 0),
    moments: [new Float32Array(2), new Float32Array(2)],
    release: () => void released.push(step),
  });

const stored = () =>
  [...store.objects.keys()]
    .flatMap((key) => /checkpoints\/(.*)\/manifest\.json$/.exec(key)?.[1] ?? [])
    .sort();

describe("a checkpoint that could not be written", () => {
  it("is done without, and is written in the end when it was the best", async () => {
    await save(2, 2);
    store.isAway = true;
    await expect(save(4, 4)).rejects.toBe(away);
    await expect(save(6, 4)).rejects.toBe(away);
    store.isAway = false;
    await save(8, 4);
    expect(stored()).toEqual(["1-4", "1-8"]);
    const { restoration, notes: skipped } = await findRestoration(store, run, tinySpec().optimizer);
    expect({
      id: restoration?.restored.checkpoint,
      best: restoration?.restored.saved.bestCheckpoint,
    }).toEqual({
      id: "1-8",
      best: "1-4",
    });
    expect(skipped).toEqual([]);
    // Once: a later one writes it no more.
    store.objects.delete(`runs/${run}/checkpoints/1-4/manifest.json`);
    await save(10, 4);
    expect(stored()).toEqual(["1-10"]);
    // The snapshot of 4 was kept until it was written, the others no longer than that.
    expect(released).toEqual([2, 6, 4, 8, 10]);
  });

  it("because its snapshot failed is not tried again, though it was the best, and holds up no other", async () => {
    await expect(save(4, 4, Promise.reject(new Error("not finite")))).rejects.toThrow("not finite");
    await save(6, 4);
    expect(stored()).toEqual(["1-6"]);
  });

  it("is forgotten when there is a better one", async () => {
    store.isAway = true;
    await expect(save(4, 4)).rejects.toBe(away);
    store.isAway = false;
    await save(6, 6);
    expect(stored()).toEqual(["1-6"]);
    expect(released).toEqual([4, 6]);
  });

  it("loses no line of the log", async () => {
    store.isAway = true;
    await expect(save(4, 0)).rejects.toBe(away);
    store.isAway = false;
    await save(6, 0);
    const log = Buffer.from(store.objects.get(`runs/${run}/log/1-0.jsonl`) ?? []).toString();
    expect(log).toBe('{"kind":"event","step":4}\n{"kind":"event","step":6}\n');
  });
});

it("a checkpoint counts as written also when old ones can't be deleted, which is done after the next", async () => {
  await save(2, 2);
  const remove = store.delete;
  store.delete = () => Promise.reject(away);
  await save(4, 4);
  expect(notes).toEqual([expect.stringMatching(/could not be deleted yet: the store is away/)]);
  expect(stored()).toEqual(["1-2", "1-4"]);
  store.delete = remove;
  await save(6, 6);
  expect(stored()).toEqual(["1-6"]);
});
