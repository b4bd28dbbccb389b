/**
 * The second tier of decoded images: bounded, gone with its process, given up without harm when the disk is full or
 * forgets, and never a source of wrong pixels.
 */
import { mkdir, open, readdir, readlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { CacheSlots } from "../../dataset/caching/cache-slots.js";
import { ImageFileCache, type ImageFileCacheOptions } from "../../dataset/caching/image-file-cache.js";
import { fullDiskBytes, withSmallDisk } from "../support/full-disk.js";
import { temporaryFolders } from "../support/images.js";

const newFolder = temporaryFolders();
const imageBytes = 48;
const imageOf = (sample: number) => new Uint8Array(imageBytes).fill(sample + 1);

const opened: ImageFileCache[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((file) => file.close()));
});

function fileOf(folder: string, change: Partial<ImageFileCacheOptions> = {}, samples = 20): ImageFileCache {
  const options = { folder, budgetBytes: 1e6, reserveBytes: 0, ...change };
  const file = new ImageFileCache(samples, imageBytes, options);
  opened.push(file);
  return file;
}

async function readBack(file: ImageFileCache, sample: number): Promise<Uint8Array | null> {
  const target = new Uint8Array(3 * imageBytes);
  const isThere = await file.copyTo(sample, target.subarray(imageBytes, 2 * imageBytes));
  expect(target.subarray(0, imageBytes).every((byte) => byte === 0)).toBe(true);
  expect(target.subarray(2 * imageBytes).every((byte) => byte === 0)).toBe(true);
  return isThere ? target.subarray(imageBytes, 2 * imageBytes) : null;
}

/** The open file below the folder, by the name that Linux gives it although it has none any more. */
async function namelessFile(folder: string): Promise<string> {
  for (const descriptor of await readdir("/proc/self/fd")) {
    const path = `/proc/self/fd/${descriptor}`;
    if ((await readlink(path).catch(() => "")).startsWith(folder)) return path;
  }
  throw new Error(`no open file in ${folder}`);
}

/** Changes a byte of the image that was kept as the n-th. */
async function damage(folder: string, slot: number): Promise<void> {
  const handle = await open(await namelessFile(folder), "r+");
  await handle.write(Uint8Array.of(255), 0, 1, slot * imageBytes + 7);
  await handle.close();
}

describe("a file of decoded images", () => {
  it("returns the images that were kept, in any order", async () => {
    const file = fileOf(await newFolder());
    for (const sample of [3, 0, 7]) await file.keep(sample, imageOf(sample));
    for (const sample of [7, 3, 0]) expect(await readBack(file, sample)).toEqual(imageOf(sample));
    expect(await readBack(file, 1)).toBeNull();
    expect(file.heldBytes).toBe(3 * imageBytes);
  });

  it("creates no file before the first image, and its file has no name afterwards", async () => {
    const folder = join(await newFolder(), "below");
    const file = fileOf(folder);
    await expect(readdir(folder)).rejects.toThrow("ENOENT");
    await file.keep(0, imageOf(0));
    expect(await readdir(folder)).toEqual([]);
  });

  it("removes what dead processes left, and nothing else", async () => {
    const folder = await newFolder();
    await writeFile(join(folder, "pictures-0123"), "left over");
    await writeFile(join(folder, "somebody-elses"), "");
    await mkdir(join(folder, "pictures-folder"));
    await fileOf(folder).keep(0, imageOf(0));
    expect((await readdir(folder)).sort()).toEqual(["pictures-folder", "somebody-elses"]);
  });

  it("holds no more than its budget, and keeps what came first", async () => {
    const file = fileOf(await newFolder(), { budgetBytes: imageBytes * 5 + 1 });
    for (let sample = 0; sample < 20; sample += 1) await file.keep(sample, imageOf(sample));
    expect(file.heldBytes).toBe(5 * imageBytes);
    for (let sample = 0; sample < 20; sample += 1) {
      expect(await readBack(file, sample)).toEqual(sample < 5 ? imageOf(sample) : null);
    }
  });

  it("doesn't grow into the part of the disk that is reserved for others", async () => {
    const reasons: string[] = [];
    const file = fileOf(await newFolder(), {
      reserveBytes: 1e18,
      onGivenUp: (reason) => void reasons.push(reason),
    });
    await file.keep(0, imageOf(0));
    expect(file.heldBytes).toBe(0);
    expect(await readBack(file, 0)).toBeNull();
    expect(reasons).toEqual([]);
  });

  it("makes room when a lane's samples are not asked for any more", async () => {
    const samples = 6;
    const file = fileOf(await newFolder(), { budgetBytes: imageBytes * 2 }, samples);
    for (const sample of [0, 1, 2]) await file.keep(sample, imageOf(sample));
    for (let lookup = 0; lookup < 2 * samples + 1; lookup += 1) expect(await readBack(file, 3)).toBeNull();
    await file.keep(3, imageOf(3));
    expect(await readBack(file, 3)).toEqual(imageOf(3));
    const others = await Promise.all([0, 1].map((sample) => readBack(file, sample)));
    expect(others.filter((image) => image !== null)).toHaveLength(1);
  });
});

describe("a disk that fails", () => {
  it("that is full is reported once, its space is freed, and images are read as if there were no file", async () => {
    await withSmallDisk(async (folder) => {
      const reasons: string[] = [];
      const options = {
        folder,
        budgetBytes: 1e9,
        reserveBytes: 0,
        onGivenUp: (one: string) => void reasons.push(one),
      };
      const large = fullDiskBytes / 8;
      const file = new ImageFileCache(40, large, options);
      const image = new Uint8Array(large);
      for (let sample = 0; sample < 40; sample += 4) {
        await Promise.all([0, 1, 2, 3].map((more) => file.keep(sample + more, image)));
      }
      expect(reasons).toHaveLength(1);
      expect(reasons[0]).toMatch(/can't be written \(.*(ENOSPC|EFBIG|only \d+ bytes were taken)/);
      expect(file.heldBytes).toBe(0);
      expect(await file.copyTo(0, new Uint8Array(large))).toBe(false);
      await file.close();
      await writeFile(join(folder, "others"), new Uint8Array(fullDiskBytes / 2));
    });
  });

  it("that returns other bytes loses that image, which can then be kept again", async () => {
    const folder = await newFolder();
    const file = fileOf(folder);
    for (const sample of [4, 5, 6]) await file.keep(sample, imageOf(sample));
    await damage(folder, 1);
    expect(await readBack(file, 5)).toBeNull();
    expect(await readBack(file, 4)).toEqual(imageOf(4));
    expect(await readBack(file, 6)).toEqual(imageOf(6));
    await file.keep(5, imageOf(5));
    expect(await readBack(file, 5)).toEqual(imageOf(5));
  });

  it("that returns other bytes again and again is not used any more", async () => {
    const folder = await newFolder();
    const reasons: string[] = [];
    const file = fileOf(folder, { onGivenUp: (reason) => void reasons.push(reason) });
    for (const sample of [0, 1, 2, 3]) await file.keep(sample, imageOf(sample));
    for (const sample of [0, 1, 2]) await damage(folder, sample);
    for (const sample of [0, 1, 2, 3]) expect(await readBack(file, sample)).toBeNull();
    expect(reasons).toEqual(["the file of decoded images gives back other bytes than were written"]);
  });

  it("whose file is truncated loses the images behind the cut", async () => {
    const folder = await newFolder();
    const file = fileOf(folder);
    for (const sample of [0, 1]) await file.keep(sample, imageOf(sample));
    await truncate(await namelessFile(folder), imageBytes + 5);
    expect(await readBack(file, 1)).toBeNull();
    expect(await readBack(file, 0)).toEqual(imageOf(0));
  });

  it("that has no room for the folder is reported once, and nothing is thrown", async () => {
    const place = join(await newFolder(), "a-file");
    await writeFile(place, "");
    const reasons: string[] = [];
    const file = fileOf(join(place, "below"), { onGivenUp: (reason) => void reasons.push(reason) });
    await file.keep(0, imageOf(0));
    await file.keep(1, imageOf(1));
    expect(await readBack(file, 0)).toBeNull();
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain("ENOTDIR");
  });

  it("gets its space back when the file is closed, also during reads and writes", async () => {
    const folder = await newFolder();
    const file = fileOf(folder);
    const keeping = [0, 1, 2].map((sample) => file.keep(sample, imageOf(sample)));
    await file.close();
    await Promise.all(keeping);
    await expect(namelessFile(folder)).rejects.toThrow("no open file");
    expect(await readBack(file, 0)).toBeNull();
  });
});

it("no two samples share a slot, and no more slots are used than there are, whatever is kept, dropped and looked up", () => {
  const acts = fc.array(fc.tuple(fc.constantFrom("take", "drop", "find"), fc.nat(11)), { maxLength: 200 });
  fc.assert(
    fc.property(acts, fc.nat(6), (list, count) => {
      const slots = new CacheSlots(12, count);
      for (const [act, sample] of list) {
        if (act === "find") slots.find(sample);
        else if (act === "drop") slots.drop(sample);
        else if (slots.slotOf(sample) < 0) slots.take(sample);
        const held = Array.from({ length: 12 }, (_, one) => slots.slotOf(one)).filter((slot) => slot >= 0);
        expect(new Set(held).size).toBe(held.length);
        expect(held.every((slot) => slot < count)).toBe(true);
        expect(slots.size).toBe(held.length);
      }
    }),
  );
});
