/** The queue of a standing coordinator, against the real stores: its order, and what happens when several write to it. */
import { getEventListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RunQueue } from "../../coordinator/standing/queue.js";
import { queueKey, readQueue } from "../../shared/queue.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { openStore } from "../../shared/store/open.js";
import { MemoryStore } from "../support/memory-store.js";
import { startMinio } from "../support/minio.js";

interface Opened {
  readonly store: ObjectStore;
  readonly close: () => Promise<unknown>;
}

const memory = async (): Promise<Opened> => ({ store: new MemoryStore(), close: async () => undefined });

async function folder(): Promise<Opened> {
  const path = await mkdtemp(join(tmpdir(), "trainyard-queue-"));
  return { store: await openStore(`file:${path}`), close: () => rm(path, { recursive: true }) };
}

async function s3(): Promise<Opened> {
  const minio = await startMinio();
  const store = await openStore(minio.url("trainyard"), { environment: minio.environment });
  return { store, close: () => minio.stop() };
}

const handedIn = (run: string, after = 0) => ({
  run,
  by: "test",
  submittedAt: "2026-01-01T00:00:00Z",
  after,
});

describe.each([
  ["memory", memory],
  ["a folder", folder],
  ["S3 (MinIO)", s3],
] as const)("a queue in %s", (_, open) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  }, 60_000);
  afterAll(() => opened.close());

  const namesThere = async () => (await readQueue(opened.store)).map(({ run }) => run);
  const emptied = async () => {
    const queue = new RunQueue(opened.store);
    for (const entry of await queue.look()) await queue.remove(entry);
    return queue;
  };

  it("keeps the order in which runs were handed in, and survives the process that wrote it", async () => {
    const queue = await emptied();
    const [, a] = [
      await queue.add(handedIn("c")),
      await queue.add(handedIn("a")),
      await queue.add(handedIn("b")),
    ];
    expect(queue.entries.map(({ run }) => run)).toEqual(["c", "a", "b"]);
    expect([queue.ahead("c"), queue.ahead("b"), queue.ahead("d")]).toEqual([0, 2, null]);
    expect(await namesThere()).toEqual(["c", "a", "b"]);
    await queue.remove(a);
    await queue.remove(a);
    expect(await namesThere()).toEqual(["c", "b"]);
    await queue.add(handedIn("a"));
    expect(await namesThere()).toEqual(["c", "b", "a"]);
  });

  it("has a run once, however often it is handed in", async () => {
    const queue = await emptied();
    const [first, second] = [await queue.add(handedIn("a")), await queue.add(handedIn("a", 3))];
    expect(second).toEqual(first);
    expect(await namesThere()).toEqual(["a"]);
  });

  it("has a run that is just ending twice, and only the entry that is removed goes", async () => {
    const queue = await emptied();
    const ending = await queue.add(handedIn("a"));
    const again = await queue.add(handedIn("a", 1), ending);
    expect(await queue.add(handedIn("a", 1), ending)).toEqual(again);
    expect([queue.ahead("a"), queue.ahead("a", ending)]).toEqual([0, 1]);
    await queue.remove(ending);
    await queue.remove(ending);
    expect(await queue.look()).toEqual([again]);
  });

  it("keeps an entry that got the number of one that was removed before", async () => {
    const queue = await emptied();
    const former = await queue.add(handedIn("a"));
    await queue.remove(former);
    const later = await queue.add(handedIn("b"));
    expect(later.number).toBe(former.number);
    await queue.remove(former);
    expect(await queue.look()).toEqual([later]);
  });

  it("loses none of those that two write at once", async () => {
    await emptied();
    const two = [new RunQueue(opened.store), new RunQueue(opened.store)];
    const runs = Array.from({ length: 12 }, (_, index) => `run-${index}`);
    await Promise.all(runs.map((run, index) => two[index % 2]?.add(handedIn(run))));
    expect((await namesThere()).sort()).toEqual([...runs].sort());
  });
});

describe("a queue", () => {
  it("tells how many runs it has, and wakes the coordinator that waits for the first", async () => {
    const counts: number[] = [];
    const queue = new RunQueue(new MemoryStore(), (runs) => counts.push(runs));
    const { signal } = new AbortController();
    const waited = queue.untilAny(signal);
    const entry = await queue.add(handedIn("a"));
    await waited;
    expect(getEventListeners(signal, "abort")).toEqual([]);
    await queue.remove(entry);
    expect(counts.at(-1)).toBe(0);
    expect(Math.max(...counts)).toBe(1);
  });

  it("has its numbers in the order of the keys", () => {
    expect(queueKey(7)).toBe("queue/00000007.json");
    expect([queueKey(99_999_999), queueKey(9)].sort()).toEqual([queueKey(9), queueKey(99_999_999)]);
  });

  it("of an earlier version, whose entries have no identity, is read and served", async () => {
    const store = new MemoryStore();
    const old = { number: 3, run: "a", submittedAt: "2026-01-01T00:00:00Z", by: "test", after: 0 };
    await store.put(queueKey(3), Buffer.from(JSON.stringify(old)));
    const queue = new RunQueue(store);
    const [entry] = await queue.look();
    if (entry === undefined) throw new Error("the entry is gone");
    await queue.remove(entry);
    expect(await readQueue(store)).toEqual([]);
  });

  it("with an entry that is no entry is refused by name", async () => {
    const store = new MemoryStore();
    await store.put(queueKey(1), Buffer.from('{"run": 7}'));
    await expect(readQueue(store)).rejects.toThrow(/queue\/00000001\.json is not what this version/);
  });
});
