/** Reading what a manifest promises: the right bytes, or an error that names the object. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FolderStore } from "../../shared/store/folder.js";
import { getHashed, sha256Hex } from "../../shared/store/hashed.js";

describe("reading with a hash", () => {
  let folder: string;
  let store: FolderStore;
  const right = Buffer.from("the right bytes");
  const expected = { bytes: right.length, sha256: sha256Hex(right) };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "trainyard-hashed-"));
    store = new FolderStore(folder);
    await store.open();
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("returns what matches", async () => {
    await store.put("good", right);
    expect(Buffer.compare(await getHashed(store, "good", expected), right)).toBe(0);
  });

  test.each([
    ["one bit is another", Buffer.from("the right cytes")],
    ["the end is missing", right.subarray(0, -1)],
    ["it is empty", Buffer.alloc(0)],
  ])("names the object when %s", async (_, bytes) => {
    await store.put("shards/000003.tar", bytes);
    await expect(getHashed(store, "shards/000003.tar", expected)).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringContaining('"shards/000003.tar"'),
    });
  });

  test("reads once more, since the damage may have been on the way", async () => {
    await store.put("flaky", right);
    let reads = 0;
    const flaky = Object.create(store, {
      get: {
        value: async (key: string) => {
          const bytes = await store.get(key);
          reads += 1;
          return reads === 1 ? bytes.subarray(1) : bytes;
        },
      },
    }) as FolderStore;
    expect(Buffer.compare(await getHashed(flaky, "flaky", expected), right)).toBe(0);
    expect(reads).toBe(2);
  });

  test("passes on that the object is not there", async () => {
    await expect(getHashed(store, "absent", expected)).rejects.toMatchObject({ code: "NOT_FOUND" });
  });
});
