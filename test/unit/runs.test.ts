/** A user names a run by its whole name, by the beginning of it, or as the latest. */
import { beforeAll, describe, expect, it } from "vitest";
import { listRuns, resolveRun } from "../../shared/runs.js";
import { MemoryStore } from "../support/memory-store.js";

const store = new MemoryStore();

async function addRun(run: string, startedAt: string | null): Promise<void> {
  await store.put(`runs/${run}/spec.json`, Buffer.from("{}"));
  await store.put(`runs/${run}/checkpoints/1-7/spec.json`, Buffer.from("{}"));
  if (startedAt === null) return;
  const record = { generation: 1, address: "a:1", http: "a:2", startedAt };
  await store.put(`runs/${run}/generations/1.json`, Buffer.from(JSON.stringify(record)));
  // Resuming does not make a run the latest.
  const resumed = { ...record, generation: 2, startedAt: "2030-01-01T00:00:00.000Z" };
  if (run === "faces")
    await store.put(`runs/${run}/generations/2.json`, Buffer.from(JSON.stringify(resumed)));
}

beforeAll(async () => {
  await addRun("faces", "2026-01-01T00:00:00.000Z");
  await addRun("faces-2", "2026-01-03T00:00:00.000Z");
  await addRun("0123", "2026-01-02T00:00:00.000Z");
  await addRun("submitted", null);
});

describe("resolveRun", () => {
  it.each([
    ["faces", "faces"],
    ["faces-", "faces-2"],
    ["0123", "0123"],
    ["01", "0123"],
    ["sub", "submitted"],
    ["latest", "faces-2"],
  ])("%s means %s", async (name, run) => {
    expect(await resolveRun(store, name)).toBe(run);
  });

  it("refuses a beginning that several runs share, and names them", async () => {
    await expect(resolveRun(store, "fa")).rejects.toMatchObject({
      code: "USAGE",
      message: expect.stringContaining("faces, faces-2"),
    });
  });

  it("says which runs there are when none is meant", async () => {
    await expect(resolveRun(store, "face5")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("0123, faces, faces-2, submitted"),
    });
    await expect(resolveRun(store, "")).rejects.toMatchObject({ code: "NOT_FOUND" });
  });

  it("of many runs it names the nearest first", async () => {
    const many = new MemoryStore();
    const names = Array.from({ length: 20 }, (_, index) => `digits-${index}`);
    for (const run of [...names, "faces-old"]) {
      await many.put(`runs/${run}/spec.json`, Buffer.from("{}"));
    }
    await expect(resolveRun(many, "face-old")).rejects.toMatchObject({
      message: expect.stringMatching(/there are: faces-old, .* and 13 more/),
    });
  });

  it("says what to do in a store without runs", async () => {
    await expect(resolveRun(new MemoryStore(), "latest")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("trainyard train"),
    });
  });

  it("a run that is called latest is meant by its name", async () => {
    const other = new MemoryStore();
    for (const run of ["latest", "later"]) await other.put(`runs/${run}/spec.json`, Buffer.from("{}"));
    expect(await resolveRun(other, "latest")).toBe("latest");
  });
});

it("listRuns counts each run once, whatever else lies below it", async () => {
  expect(await listRuns(store)).toEqual(["0123", "faces", "faces-2", "submitted"]);
});
