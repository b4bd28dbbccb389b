/** One coordinator owns a run: it renews its claim, and what it does after another one has the run counts for nothing. */
import { beforeEach, describe, expect, it } from "vitest";
import { fencedStore } from "../../coordinator/generation-fence.js";
import { takeNumber } from "../../coordinator/ownership/generation-record.js";
import { Ownership } from "../../coordinator/ownership/ownership.js";
import { TrainyardError } from "../../shared/errors.js";
import { type GenerationRecord, generationKey, readGeneration } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import { ManualClock } from "../support/manual-clock.js";
import { MemoryStore } from "../support/memory-store.js";

const run = "faces";
const away = new TrainyardError("STORE_UNREACHABLE", "the store is away");

const record = (generation: number): GenerationRecord => ({
  generation,
  address: `host-${generation}:7070`,
  http: `host-${generation}:7071`,
  startedAt: "2026-01-01T00:00:00Z",
  renewals: 0,
  changes: {},
});

/** Calls can be made to fail, or to hang until they are aborted. */
class ShakyStore extends MemoryStore {
  state: "well" | "away" | "hanging" = "well";
  puts = 0;

  async #meet(signal: AbortSignal | undefined): Promise<void> {
    if (this.state === "away") throw away;
    if (this.state === "hanging") {
      await new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
    }
  }

  override async put(...[key, body, options]: Parameters<MemoryStore["put"]>) {
    this.puts += 1;
    await this.#meet(options?.signal);
    await super.put(key, body, options);
  }

  override async *list(...[prefix, options]: Parameters<MemoryStore["list"]>) {
    await this.#meet(options?.signal);
    yield* super.list(prefix, options);
  }
}

describe("the owner of a run", () => {
  let store: ShakyStore;
  let clock: ManualClock;
  let lines: string[];

  beforeEach(() => {
    store = new ShakyStore();
    clock = new ManualClock();
    lines = [];
  });

  const logger = {
    info: (line: unknown) => void lines.push(String(line)),
    warn: (line: unknown) => void lines.push(String(line)),
  };
  const claim = (generation: number) =>
    Ownership.claim({ store, run, clock, logger }, { ...record(generation) });
  const renewals = async () => {
    const entry = await readGeneration(store, run, 1);
    return entry?.tag === "owner" ? entry.record.renewals : null;
  };

  it("renews its claim every three seconds, and no more after it has stopped", async () => {
    const owner = await claim(1);
    await clock.pass(10 * limits.renewMs);
    expect(await renewals()).toBe(10);
    await owner.stop();
    await clock.pass(10 * limits.renewMs);
    expect(await renewals()).toBe(10);
  });

  it("is one of many: the number is created once", async () => {
    const claims = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => claimAs(i)));
    expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    for (const outcome of claims) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "ALREADY_EXISTS" });
    }
  });
  const claimAs = (index: number) =>
    Ownership.claim({ store, run, clock, logger }, { ...record(1), address: `host:${index}` });

  it("is the owner also when the answer to its claim was lost and it asked again", async () => {
    await takeNumber(store, run, record(1));
    await expect(claim(1)).resolves.toBeInstanceOf(Ownership);
  });

  it("keeps what it settled while it renews", async () => {
    const owner = await claim(1);
    await owner.settle({ from: "1-7", changes: { epochs: 9 } });
    await clock.pass(2 * limits.renewMs);
    const entry = await readGeneration(store, run, 1);
    expect(entry).toMatchObject({ record: { from: "1-7", changes: { epochs: 9 }, renewals: 2 } });
  });

  it("is fenced by a higher number within one renewal, which names the new owner, and writes nothing more", async () => {
    const owner = await claim(1);
    await clock.pass(limits.renewMs);
    await takeNumber(store, run, record(2));
    expect(owner.fenced.aborted).toBe(false);
    await clock.pass(limits.renewMs);
    expect(owner.fenced.reason).toMatchObject({
      code: "FENCED",
      exitCode: 1,
      message: expect.stringMatching(/taken over by the coordinator at host-2:7070 \(generation 2\)/),
    });
    const { puts } = store;
    await clock.pass(10 * limits.renewMs);
    expect(store.puts).toBe(puts);
    expect(await renewals()).toBe(1);
  });

  it("is fenced also by a number above one that was given back", async () => {
    const owner = await claim(1);
    const second = await claim(2);
    await claim(3);
    await second.release();
    await expect(owner.confirm()).rejects.toMatchObject({
      code: "FENCED",
      message: expect.stringMatching(/host-3/),
    });
  });

  it("is fenced when its run was deleted and another coordinator began it anew under the same number", async () => {
    const former = await claim(1);
    await store.delete(generationKey(run, 1));
    const later = { ...record(1), startedAt: "2026-02-02T00:00:00Z" };
    const next = await Ownership.claim({ store, run, clock, logger }, later);
    await expect(former.confirm()).rejects.toMatchObject({ code: "FENCED" });
    await former.release();
    await expect(next.confirm()).resolves.toBeUndefined();
    await next.stop();
  });

  it("does not bring back a run that was deleted", async () => {
    const owner = await claim(1);
    store.objects.clear();
    await clock.pass(limits.renewMs);
    expect(owner.fenced.reason).toMatchObject({ message: expect.stringMatching(/was deleted/) });
    expect(store.objects.size).toBe(0);
  });

  it("lives through a store that is away or hangs, says so once, and renews again afterwards", async () => {
    const owner = await claim(1);
    store.state = "away";
    await clock.pass(60_000);
    store.state = "hanging";
    await clock.pass(60_000);
    expect(lines).toEqual([expect.stringMatching(/can't be renewed .*the store is away/)]);
    store.state = "well";
    await clock.pass(limits.renewMs + limits.renewCallMs);
    expect(lines).toHaveLength(2);
    expect(await renewals()).toBeGreaterThan(0);
    expect(owner.fenced.aborted).toBe(false);
  });

  it("never lets two renewals overlap, however slow the store is", async () => {
    await claim(1);
    const before = store.puts;
    store.state = "hanging";
    await clock.pass(limits.renewMs + limits.renewCallMs - 1);
    // One list, which hangs: nothing was written meanwhile.
    expect(store.puts).toBe(before);
  });

  it("closes the run once; a coordinator that comes to take it afterwards is too late, and the other way round", async () => {
    const owner = await claim(1);
    await owner.finish("");
    await owner.finish("");
    await expect(claim(2)).rejects.toMatchObject({ code: "ALREADY_EXISTS" });
    await clock.pass(10 * limits.renewMs);
    expect(owner.fenced.aborted).toBe(false);

    store.objects.clear();
    const first = await claim(1);
    await claim(2);
    await expect(first.finish("")).rejects.toMatchObject({ code: "FENCED" });
  });

  it("writes and deletes nothing through its store once it is fenced; before it deletes, it looks", async () => {
    const owner = await claim(1);
    const own = fencedStore(store, owner);
    await own.put("a", Buffer.from("1"));
    await takeNumber(store, run, record(2));
    await expect(own.delete("a")).rejects.toMatchObject({ code: "FENCED" });
    await expect(own.put("b", Buffer.from("1"))).rejects.toMatchObject({ code: "FENCED" });
    expect([store.objects.has("a"), store.objects.has("b")]).toEqual([true, false]);
    expect(Buffer.from(await own.get("a")).toString()).toBe("1");
  });

  it("ends a write that is under way when it is fenced", async () => {
    const owner = await claim(1);
    const own = fencedStore(store, owner);
    store.state = "hanging";
    const writing = own.put("checkpoint", Buffer.from("1"));
    const outcome = expect(writing).rejects.toMatchObject({ code: "FENCED" });
    store.state = "well";
    store.objects.set(generationKey(run, 2), Buffer.from(JSON.stringify(record(2))));
    await clock.pass(limits.renewMs);
    await outcome;
    expect(store.objects.has("checkpoint")).toBe(false);
  });
});
