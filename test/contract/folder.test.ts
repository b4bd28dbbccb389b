/** The folder store: the contract, and what only a file system can do to it. */
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { FolderStore } from "../../shared/store/folder.js";
import { pattern, sizedStream } from "../support/bodies.js";
import { fullDiskBytes, withSmallDisk } from "../support/full-disk.js";
import { describeObjectStore } from "./object-store.contract.js";

const newFolder = () => mkdtemp(join(tmpdir(), "trainyard-store-"));

describeObjectStore("folder", async () => {
  const folder = await newFolder();
  const store = new FolderStore(join(folder, "deep", "store"));
  await store.open();
  const places = [join(folder, "deep", "store"), join(folder, "deep", "store", ".writing")];
  const trace = () => Promise.all(places.map(async (place) => (await stat(place)).mtimeMs));
  return { store, trace, close: () => rm(folder, { recursive: true }) };
});

describe("the folder store", () => {
  let folder: string;
  let store: FolderStore;
  beforeAll(async () => {
    folder = await newFolder();
    store = new FolderStore(folder);
    await store.open();
  });
  afterAll(() => rm(folder, { recursive: true }));

  test("keeps each object in a file of its key's name", async () => {
    await store.put("datasets/dice/shards/000000.tar", Buffer.from("tar"));
    expect(await readFile(join(folder, "datasets/dice/shards/000000.tar"), "utf8")).toBe("tar");
  });

  test("lists files that others put there, and no unfinished write", async () => {
    await mkdir(join(folder, "theirs"));
    await writeFile(join(folder, "theirs", "file"), "x");
    await writeFile(join(folder, ".writing", "unfinished"), "x");
    const keys: string[] = [];
    for await (const { key } of store.list("")) keys.push(key);
    expect(keys).toContain("theirs/file");
    expect(keys.filter((key) => key.includes("writing"))).toEqual([]);
    await expect(store.get(".writing/unfinished")).rejects.toMatchObject({ code: "USAGE" });
  });

  test("forgets what a killed writer left an hour ago when it opens, and spares a running one's", async () => {
    const hourAgo = new Date(Date.now() - 3_700_000);
    await writeFile(join(folder, ".writing", "old"), "x");
    await utimes(join(folder, ".writing", "old"), hourAgo, hourAgo);
    await writeFile(join(folder, ".writing", "running"), "x");
    await store.open();
    const left = await readdir(join(folder, ".writing"));
    expect(left).toContain("running");
    expect(left).not.toContain("old");
  });

  test("an object can't be put below another object, nor in a folder's place", async () => {
    await store.put("object", Buffer.from("x"));
    await expect(store.put("object/below", Buffer.from("x"))).rejects.toMatchObject({ code: "USAGE" });
    await store.put("place/inside", Buffer.from("x"));
    await expect(store.put("place", Buffer.from("x"))).rejects.toMatchObject({ code: "USAGE" });
    await expect(store.put("place", Buffer.from("x"), { ifNoneMatch: true })).rejects.toMatchObject({
      code: "USAGE",
    });
  });

  test("deleting the last object of a folder removes the folder, while others write to it", async () => {
    const work = Array.from({ length: 200 }, async (_, i) => {
      await store.put(`busy/${i % 3}/${i}`, Buffer.from("x"));
      await store.delete(`busy/${i % 3}/${i}`);
    });
    await Promise.all(work);
    expect(await readdir(folder)).not.toContain("busy");
  });

  test("opens nothing that is not there when told so", async () => {
    const absent = new FolderStore(join(folder, "absent"));
    for (const purpose of ["read", "write"] as const) {
      await expect(absent.open({ purpose })).rejects.toMatchObject({ code: "NOT_FOUND" });
    }
    expect(await readdir(folder)).not.toContain("absent");
  });

  test("says that its path is a file", async () => {
    await writeFile(join(folder, "a-file"), "x");
    for (const path of ["a-file", "a-file/below"]) {
      for (const purpose of ["read", "create"] as const) {
        await expect(new FolderStore(join(folder, path)).open({ purpose })).rejects.toMatchObject({
          code: "USAGE",
          message: expect.stringContaining("a folder"),
        });
      }
    }
  });

  test("a full disk is said to be full, and nothing half-written remains", async () => {
    await withSmallDisk(async (disk) => {
      const small = new FolderStore(join(disk, "store"));
      await small.open();
      await small.put("fits", pattern(1024 * 1024));
      const body = pattern(fullDiskBytes + 1);
      for (const attempt of [
        () => small.put("too/large", body),
        () => small.put("too/large", body, { ifNoneMatch: true }),
        () => small.put("too/large", sizedStream(body, 100_000)),
        () => small.put("fits", body),
      ]) {
        await expect(attempt()).rejects.toMatchObject({
          code: "STORE_FULL",
          message: expect.stringContaining(small.url),
        });
        expect(await readdir(join(disk, "store", ".writing"))).toEqual([]);
      }
      const keys: string[] = [];
      for await (const { key } of small.list("")) keys.push(key);
      expect(keys).toEqual(["fits"]);
      expect(Buffer.compare(await small.get("fits"), pattern(1024 * 1024))).toBe(0);
      await small.put("afterwards", pattern(1000));
    });
  });
});
