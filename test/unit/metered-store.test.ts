/** What metrics say of a process' calls of the object store. */
import { describe, expect, it } from "vitest";
import { TrainyardError } from "../../shared/errors.js";
import { workerMetrics } from "../../shared/metrics.js";
import { meteredStore } from "../../shared/store/metered.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

/** Every call of it takes a quarter of a second. */
function slowStore(failure?: TrainyardError) {
  const clock = new ManualClock();
  const metrics = workerMetrics();
  const memory = new MemoryStore();
  const slow = Object.assign(Object.create(memory) as MemoryStore, {
    get: async (key: string) => {
      clock.skip(250);
      if (failure !== undefined) throw failure;
      return await memory.get(key);
    },
    async *stream(key: string) {
      for await (const chunk of memory.stream(key)) {
        clock.skip(250);
        yield chunk;
      }
      if (failure !== undefined) throw failure;
    },
  });
  return { store: meteredStore(slow, metrics, clock), memory, metrics, clock };
}

async function readSeries({ metrics }: ReturnType<typeof slowStore>, series: string): Promise<number> {
  const line = (await metrics.registry.metrics()).split("\n").find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length));
}

const errorsOf = (it: ReturnType<typeof slowStore>, operation: string) =>
  readSeries(it, `trainyard_store_errors_total{operation="${operation}"}`);

describe("a metered store", () => {
  it("times a call and counts its bytes", async () => {
    const site = slowStore();
    await site.store.put("a/b", new Uint8Array(7));
    expect(await site.store.get("a/b")).toEqual(new Uint8Array(7));
    expect(await readSeries(site, 'trainyard_store_call_duration_seconds_sum{operation="get"}')).toBe(0.25);
    expect(await readSeries(site, "trainyard_store_read_bytes_total")).toBe(7);
    expect(await readSeries(site, "trainyard_store_written_bytes_total")).toBe(7);
    expect(await errorsOf(site, "get")).toBe(0);
  });

  it("times of a stream what its reader waited for, not what the reader took", async () => {
    const site = slowStore();
    await site.memory.put("a", new Uint8Array(10));
    for await (const _ of site.store.stream("a")) site.clock.skip(60_000);
    expect(await readSeries(site, 'trainyard_store_call_duration_seconds_sum{operation="stream"}')).toBe(
      0.25,
    );
  });

  it("counts a call and a stream that fail, and passes the error on", async () => {
    const away = new TrainyardError("STORE_UNREACHABLE", "the store is away");
    const site = slowStore(away);
    await site.memory.put("a", new Uint8Array(1));
    await expect(site.store.get("a")).rejects.toBe(away);
    const reading = async () => {
      for await (const _ of site.store.stream("a"));
    };
    await expect(reading()).rejects.toBe(away);
    expect(await errorsOf(site, "get")).toBe(1);
    expect(await errorsOf(site, "stream")).toBe(1);
    expect(await errorsOf(site, "put")).toBe(0);
  });

  it.each(["NOT_FOUND", "ALREADY_EXISTS", "INTERRUPTED", "FENCED"] as const)(
    "takes %s for an answer",
    async (code) => {
      const site = slowStore(new TrainyardError(code, "x"));
      await expect(site.store.get("a")).rejects.toMatchObject({ code });
      expect(await errorsOf(site, "get")).toBe(0);
    },
  );
});
