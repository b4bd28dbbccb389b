/** Asking the store whether a run has finished: seldom, never in anybody's way, and never for a run that may go on. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { realClock } from "../../shared/clock.js";
import { TrainyardError } from "../../shared/errors.js";
import { generationKey } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import { createLogger } from "../../shared/log.js";
import { encodeDocument } from "../../shared/store/document.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { EndWatch } from "../../worker/end-watch.js";
import { MemoryStore } from "../support/memory-store.js";

const place = { run: "cats-1", store: "s3://minio:9000/cats" };

function watch(openStore: () => Promise<ObjectStore>, isShut = () => false) {
  let nowMs = 0;
  const clock = { ...realClock, nowMs: () => nowMs };
  const logger = createLogger({ role: "worker", level: "silent" });
  const { signal } = new AbortController();
  const endWatch = new EndWatch({ clock, logger, signal, openStore, isShut });
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { endWatch, pass };
}

describe("a worker that asks the store for its run's end", () => {
  let store: MemoryStore;
  const record = { generation: 1, address: "a:1", http: "a:2", startedAt: "2026-01-01T00:00:00.000Z" };
  beforeEach(async () => {
    store = new MemoryStore();
    await store.put(generationKey(place.run, 1), encodeDocument(record));
  });

  it("finds no end while the run goes on", async () => {
    const { endWatch } = watch(async () => store);
    expect(await endWatch.look(place)).toBeNull();
    await store.put(`runs/${place.run}/ends/1.json`, encodeDocument({ outcome: "stopped" }));
    expect(await endWatch.look(place)).toBeNull();
  });

  it("asks once in a while, in the background, and opens the store once", async () => {
    const openStore = vi.fn(async () => store);
    const get = vi.spyOn(store, "get");
    const { endWatch, pass } = watch(openStore);
    await endWatch.look(place);
    endWatch.glance(place);
    pass(limits.endLookupMs - 1);
    endWatch.glance(place);
    expect(get).toHaveBeenCalledTimes(2);
    pass(1);
    expect(endWatch.glance(place)).toBeNull();
    await vi.waitFor(() => expect(get).toHaveBeenCalledTimes(4));
    expect(openStore).toHaveBeenCalledTimes(1);
  });

  it("reads the generations from the one that it knows until one is missing, and never lists", async () => {
    const list = vi.spyOn(store, "list");
    const get = vi.spyOn(store, "get");
    await store.put(generationKey(place.run, 2), encodeDocument({ ...record, generation: 2 }));
    const { endWatch } = watch(async () => store);
    await endWatch.look({ ...place, generation: 2 });
    expect(get.mock.calls.map(([key]) => key)).toEqual(
      [2, 3].map((number) => generationKey(place.run, number)),
    );
    expect(list).not.toHaveBeenCalled();
  });

  it("asks the store for nothing while its keys have expired", async () => {
    const openStore = vi.fn(async () => store);
    let isShut = true;
    const { endWatch, pass } = watch(openStore, () => isShut);
    expect(await endWatch.look(place)).toBeNull();
    endWatch.glance(place);
    expect(openStore).not.toHaveBeenCalled();
    isShut = false;
    pass(limits.endLookupMs);
    await endWatch.look(place);
    expect(openStore).toHaveBeenCalledTimes(1);
  });

  it("goes on when the store can't be reached, and tries the store again", async () => {
    const openStore = vi.fn(async (): Promise<ObjectStore> => {
      throw new TrainyardError("STORE_UNREACHABLE", "nothing listens");
    });
    const { endWatch } = watch(openStore);
    expect(await endWatch.look(place)).toBeNull();
    expect(await endWatch.look(place)).toBeNull();
    expect(openStore).toHaveBeenCalledTimes(2);
  });
});
