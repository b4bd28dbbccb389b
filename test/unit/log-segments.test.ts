/** A run's log stays in few segments however many checkpoints were written, and loses no line. */
import { beforeEach, describe, expect, it } from "vitest";
import { Journal } from "../../coordinator/journal.js";
import { nextMerge, segmentBytes } from "../../coordinator/log-merging.js";
import { readLog } from "../../coordinator/sealed-journal.js";
import type { HashedObject } from "../../shared/checkpoint.js";
import { realClock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import { listSegments, outermost, parseSegmentKey, segmentKey } from "../../shared/log-segments.js";
import { sealedEvents } from "../../shared/run-events.js";
import { MemoryStore } from "../support/memory-store.js";

const run = "long";
let store: MemoryStore;
/** Gets that are not answered yet, and the most there were. */
let gets: { open: number; most: number; all: number };

beforeEach(() => {
  store = new MemoryStore();
  gets = { open: 0, most: 0, all: 0 };
  const get = store.get.bind(store);
  store.get = async (...call) => {
    gets.all += 1;
    gets.open += 1;
    gets.most = Math.max(gets.most, gets.open);
    await new Promise(setImmediate);
    gets.open -= 1;
    return await get(...call);
  };
});

const stepOf = (step: number) => ({
  step,
  epoch: 0,
  loss: 1,
  accuracy: 0.5,
  learningRate: 1e-3,
  gradientNorm: 1,
  samples: 8,
  seconds: 1,
  crc32c: step,
  status: "applied" as const,
});

/** Seals and tidies as a checkpoint queue does, a step and an event to each checkpoint. Returns the last manifest's list. */
async function checkpoints(journal: Journal, from: number, to: number): Promise<readonly HashedObject[]> {
  let named: readonly HashedObject[] = [];
  for (let step = from; step < to; step += 1) {
    journal.step(stepOf(step));
    journal.event("info", `step ${step}`);
    named = await journal.seal(store, journal.takeUnsealed());
    await journal.tidy(store);
  }
  return named;
}

const restored = async (segments: readonly HashedObject[], step: number) => {
  const source = { store, run, clock: realClock, listed: await listSegments(store, run) };
  return await readLog(source, segments, { step, epoch: 1 } as Parameters<typeof readLog>[2]);
};
const upTo = (end: number) => Array.from({ length: end }, (_, step) => step);
const keysInStore = () => [...store.objects.keys()].filter((key) => key.includes("/log/"));
const eventsNow = async () => {
  const messages: string[] = [];
  for await (const { message } of sealedEvents(store, run)) messages.push(message);
  return messages;
};

describe("the segments of a log", () => {
  it("are few after 2,000 checkpoints, in manifest and store, with every line once and in order", async () => {
    const named = await checkpoints(new Journal(run, 1, realClock), 0, 2_000);
    expect(named.length).toBeLessThanOrEqual(7 * 4 + 1);
    expect(keysInStore().length).toBeLessThanOrEqual(named.length + 8);
    gets.all = 0;
    const { log, damaged } = await restored(named, 2_000);
    expect(damaged).toEqual([]);
    expect([...log.curve.steps].map(({ step }) => step)).toEqual(upTo(2_000));
    expect(gets.all).toBe(named.length);
    expect(await eventsNow()).toEqual(upTo(2_000).map((step) => `step ${step}`));
  });

  it("are read side by side, but no more than 16 at a time", async () => {
    const named: HashedObject[] = [];
    const journal = new Journal(run, 1, realClock);
    for (let step = 0; step < 40; step += 1) {
      journal.step(stepOf(step));
      named.splice(0, named.length, ...(await journal.seal(store, journal.takeUnsealed())));
    }
    gets.most = 0;
    await restored(named, 40);
    expect(gets.most).toBe(16);
  });

  it("of an older version, thousands and numbered through, are merged by the next coordinator", async () => {
    const former: HashedObject[] = [];
    const old = new Journal(run, 1, realClock);
    for (let step = 0; step < 1_000; step += 1) {
      old.step(stepOf(step));
      former.splice(0, former.length, ...(await old.seal(store, old.takeUnsealed())));
    }
    expect(former).toHaveLength(1_000);
    const { log } = await restored(former, 1_000);
    const named = await checkpoints(new Journal(run, 2, realClock, log), 1_000, 1_010);
    expect(named.length).toBeLessThanOrEqual(12);
    const { log: next } = await restored(named, 1_010);
    expect([...next.curve.steps].map(({ step }) => step)).toEqual(upTo(1_010));
    expect(keysInStore().length).toBeLessThanOrEqual(named.length + 8);
  });

  it("that an older manifest names and that were merged since are read from the merged one", async () => {
    const journal = new Journal(run, 1, realClock);
    const early = await checkpoints(journal, 0, 5);
    await checkpoints(journal, 5, 10);
    expect(early.every(({ key }) => !store.objects.has(key))).toBe(true);
    const { log, damaged } = await restored(early, 5);
    expect(damaged).toEqual([]);
    expect([...log.curve.steps].map(({ step }) => step)).toEqual(upTo(5));
  });

  it("are never deleted before a manifest names the merged one", async () => {
    const journal = new Journal(run, 1, realClock);
    const named = await checkpoints(journal, 0, 8); // merged after this manifest was written
    expect(named).toHaveLength(8);
    expect(named.every(({ key }) => store.objects.has(key))).toBe(true);
    // The coordinator dies here. The next one reads each line once, and cleans up.
    expect(await eventsNow()).toHaveLength(8);
    const { log } = await restored(named, 8);
    expect([...log.curve.steps]).toHaveLength(8);
    const next = await checkpoints(new Journal(run, 2, realClock, log), 8, 11);
    expect(await eventsNow()).toHaveLength(11);
    expect(keysInStore().sort()).toEqual(next.map(({ key }) => key).sort());
  });

  it("that are damaged stay as they are, and their neighbours are merged", async () => {
    const journal = new Journal(run, 1, realClock);
    await checkpoints(journal, 0, 3);
    store.objects.set(segmentKey(run, { generation: 1, first: 1, last: 1 }), Buffer.from("x"));
    const named = await checkpoints(journal, 3, 14);
    const { damaged, log } = await restored(named, 14);
    expect(damaged).toEqual([expect.stringContaining("log/1-1.jsonl")]);
    expect([...log.curve.steps].map(({ step }) => step)).toEqual(upTo(14).filter((step) => step !== 1));
    expect(named.length).toBeLessThan(9);
  });

  it("can be sealed while merging fails; it is tried again later", async () => {
    const journal = new Journal(run, 1, realClock);
    await checkpoints(journal, 0, 7);
    const get = store.get;
    store.get = () => Promise.reject(new TrainyardError("STORE_UNREACHABLE", "the store is away"));
    await expect(checkpoints(journal, 7, 8)).rejects.toThrow("the store is away");
    store.get = get;
    expect((await checkpoints(journal, 8, 10)).length).toBeLessThanOrEqual(3);
  });

  it("are cut where many lines come between two checkpoints, so that none is large", async () => {
    const journal = new Journal(run, 1, realClock);
    for (let step = 0; step < 20_000; step += 1) journal.step(stepOf(step));
    const named = await journal.seal(store, journal.takeUnsealed());
    expect(named.length).toBeGreaterThan(1);
    expect(named.every(({ bytes }) => bytes <= segmentBytes)).toBe(true);
    const { log } = await restored(named, 20_000);
    expect([...log.curve.steps].map(({ step }) => step)).toEqual(upTo(20_000));
  });
});

describe("the next merge", () => {
  const segment = (first: number, last: number, bytes: number): HashedObject => ({
    key: segmentKey(run, { generation: 1, first, last }),
    bytes,
    sha256: "",
  });
  const eight = (bytes: number) => upTo(8).map((number) => segment(number, number, bytes));

  it("takes eight neighbours of one level", () => {
    expect(nextMerge(eight(300).slice(1), 1)).toBeNull();
    expect(nextMerge(eight(300), 1)).toEqual({
      begin: 0,
      end: 8,
      span: { generation: 1, first: 0, last: 7 },
    });
  });

  it("makes no segment larger than a mebibyte, and leaves large ones as they are", () => {
    expect(nextMerge(eight(200_000), 1)).toMatchObject({ begin: 0, end: 5 });
    expect(nextMerge(eight(600_000), 1)).toBeNull();
  });

  it("takes former generations' segments whatever their level, but never two generations at once", () => {
    const former = [segment(0, 7, 900), segment(8, 8, 100)];
    expect(nextMerge(former, 1)).toBeNull();
    expect(nextMerge(former, 2)).toEqual({ begin: 0, end: 2, span: { generation: 1, first: 0, last: 8 } });
    const key = segmentKey(run, { generation: 2, first: 0, last: 0 });
    expect(nextMerge([segment(0, 8, 1000), { key, bytes: 100, sha256: "" }], 2)).toBeNull();
  });
});

it("a segment's name says what it covers; other names are no segments", () => {
  for (const span of [
    { generation: 3, first: 0, last: 0 },
    { generation: 3, first: 8, last: 15 },
  ])
    expect(parseSegmentKey(segmentKey(run, span))).toEqual(span);
  expect(segmentKey(run, { generation: 1, first: 4, last: 4 })).toBe(`runs/${run}/log/1-4.jsonl`);
  expect(parseSegmentKey(`runs/${run}/log/notes.txt`)).toBeNull();
});

it("of nested segments the outermost is read", async () => {
  for (const [first, last] of [
    [0, 0],
    [0, 7],
    [1, 1],
    [8, 8],
  ] as const)
    await store.put(segmentKey(run, { generation: 1, first, last }), Buffer.from(""));
  const spans = outermost(await listSegments(store, run)).map(({ first, last }) => [first, last]);
  expect(spans).toEqual([
    [0, 7],
    [8, 8],
  ]);
});
