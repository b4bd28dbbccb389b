/**
 * What owning a run asks of a store, against the real ones: exactly one of many creates a number, others see that an
 * owner renews, and of one that finishes and one that takes over exactly one succeeds.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Ownership } from "../../coordinator/ownership/ownership.js";
import { newestGeneration } from "../../shared/generations.js";
import { limits } from "../../shared/limits.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { openStore } from "../../shared/store/open.js";
import { putOnce } from "../../shared/store/put-once.js";
import { ManualClock } from "../support/manual-clock.js";
import { startMinio } from "../support/minio.js";

interface Opened {
  readonly store: ObjectStore;
  readonly close: () => Promise<unknown>;
}

async function folder(): Promise<Opened> {
  const path = await mkdtemp(join(tmpdir(), "trainyard-ownership-"));
  return { store: await openStore(`file:${path}`), close: () => rm(path, { recursive: true }) };
}

async function s3(): Promise<Opened> {
  const minio = await startMinio();
  const store = await openStore(minio.url("trainyard"), { environment: minio.environment });
  return { store, close: () => minio.stop() };
}

const logger = { info: () => undefined, warn: () => undefined };

describe.each([
  ["a folder", folder],
  ["S3 (MinIO)", s3],
] as const)("a run in %s", (_, open) => {
  let opened: Opened;
  beforeAll(async () => {
    opened = await open();
  }, 60_000);
  afterAll(() => opened.close());

  const claim = (run: string, generation: number, address: string, clock = new ManualClock()) =>
    Ownership.claim(
      { store: opened.store, run, clock, logger },
      { generation, address, http: "h:1", startedAt: "2026", renewals: 0, changes: {} },
    );
  const succeeded = (outcomes: readonly PromiseSettledResult<unknown>[]) =>
    outcomes.filter(({ status }) => status === "fulfilled").length;

  it("is taken by exactly one of twenty that come at once", async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, (_, i) => claim("many", 1, `h:${i}`)));
    expect(succeeded(all)).toBe(1);
    for (const outcome of all) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "ALREADY_EXISTS" });
    }
  });

  it("is seen to be renewed by another process that looks, and is fenced by the one that takes the next number", async () => {
    const clock = new ManualClock();
    const owner = await claim("renewed", 1, "h:1", clock);
    for (const renewals of [1, 2]) {
      await clock.pass(limits.renewMs);
      await vi.waitFor(async () => {
        expect(await newestGeneration(opened.store, "renewed")).toMatchObject({ record: { renewals } });
      });
    }
    await claim("renewed", 2, "h:2");
    await clock.pass(limits.renewMs);
    await vi.waitFor(() => expect(owner.fenced.aborted).toBe(true));
    expect(await newestGeneration(opened.store, "renewed")).toMatchObject({ generation: 2 });
  });

  it("is either finished or taken over when both happen at once", async () => {
    for (let round = 0; round < 10; round += 1) {
      const run = `race-${round}`;
      const owner = await claim(run, 1, "h:1");
      const both = await Promise.allSettled([owner.finish(""), claim(run, 2, "h:2")]);
      expect(succeeded(both)).toBe(1);
      const newest = await newestGeneration(opened.store, run);
      expect(newest).toMatchObject({
        generation: 2,
        tag: both[0].status === "fulfilled" ? "closed" : "owner",
      });
    }
  });

  it("has objects that are created once: the same again is told from another's", async () => {
    const put = (text: string) => putOnce(opened.store, "runs/once/result.json", Buffer.from(text));
    const first = await Promise.all(["a", "b", "c"].map(put));
    expect(first.filter((outcome) => outcome === "created")).toHaveLength(1);
    const winner = ["a", "b", "c"][first.indexOf("created")] as string;
    expect(await put(winner)).toBe("same");
    expect(await put("d")).toBe("other");
    expect(Buffer.from(await opened.store.get("runs/once/result.json")).toString()).toBe(winner);
  });
});
