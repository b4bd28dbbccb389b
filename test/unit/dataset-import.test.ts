/** Import: classes, splits and totals are what is on disk, every file left out is named, and the same is the same. */
import { rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { extract } from "tar-stream";
import { describe, expect, it } from "vitest";
import { openDataset } from "../../dataset/dataset-reader.js";
import {
  defaultImportOptions,
  type ImportOptions,
  importDataset,
} from "../../dataset/importing/import-dataset.js";
import { Manifest, manifestKey } from "../../dataset/manifest.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { jpeg, sampleImage, temporaryFolders, writeTree } from "../support/images.js";
import { MemoryStore } from "../support/memory-store.js";

const newFolder = temporaryFolders();

async function importFolder(
  source: string,
  options: Partial<ImportOptions> = {},
  store: ObjectStore = new MemoryStore(),
) {
  const report = await importDataset({
    source,
    name: "set",
    store,
    options: { ...defaultImportOptions, ...options },
  });
  return { report, store, ...(await openDataset(store, "set")) };
}

/** Files of distinct images, `class/1.jpg` and so on. */
async function classFolders(
  counts: Readonly<Record<string, number>>,
  firstSeed = 0,
): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  let seed = firstSeed;
  for (const [name, count] of Object.entries(counts)) {
    for (let index = 1; index <= count; index += 1) files[`${name}/${index}.jpg`] = await jpeg(seed++);
  }
  return files;
}

async function folderOf(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  const folder = await newFolder();
  await writeTree(folder, files);
  return folder;
}

/** Its totals must be those of the disk. */
function expectTotals(
  { files, accepted, rejected, ignored }: Awaited<ReturnType<typeof importDataset>>,
  onDisk: number,
) {
  const ignoredFiles = Object.values(ignored).reduce((sum, count) => sum + count, 0);
  expect(accepted + rejected.length + ignoredFiles).toBe(onDisk);
  expect(files).toBe(onDisk);
}

describe("class folders", () => {
  it("ignore hidden and system entries, counted by reason, and store nothing of them", async () => {
    const folder = await folderOf({
      ...(await classFolders({ cats: 3, dogs: 3 })),
      ".ipynb_checkpoints/a-checkpoint.jpg": await jpeg(50),
      "__MACOSX/._a.jpg": "resource",
      ".DS_Store": "x",
      "Thumbs.db": "x",
      "cats/.DS_Store": "x",
      "cats/Thumbs.db": "x",
      "cats/._1.jpg": "resource",
      "cats/@eaDir/1.jpg": await jpeg(51),
    });
    const { report, manifest } = await importFolder(folder);
    expect(manifest.classes).toEqual(["cats", "dogs"]);
    expect(report.accepted).toBe(6);
    expect(report.ignored).toEqual({
      ".ipynb_checkpoints": 1,
      __MACOSX: 1,
      ".DS_Store": 2,
      "Thumbs.db": 2,
      "macOS resource files (._*)": 1,
      "@eaDir": 1,
    });
    expectTotals(report, 14);
  });

  it("are numbered by code points of their names, whatever the order on disk", async () => {
    const names = Array.from({ length: 12 }, (_, index) => String(11 - index));
    const folder = await folderOf(
      await classFolders(Object.fromEntries(names.map((name) => [`c${name}`, 2]))),
    );
    for (const name of names) await rename(join(folder, `c${name}`), join(folder, name));
    const { manifest } = await importFolder(folder);
    expect(manifest.classes).toEqual(["0", "1", "10", "11", "2", "3", "4", "5", "6", "7", "8", "9"]);
  });

  it("have the order of --classes, keep their names as strings, and only those in it are imported", async () => {
    const folder = await folderOf({
      ...(await classFolders({ "007": 2, "8": 3, rest: 1 })),
      "empty/.keep": "",
    });
    const { manifest, report, split } = await importFolder(folder, { classes: ["8", "007"] });
    expect(manifest.classes).toEqual(["8", "007"]);
    expect(report.ignored).toEqual({
      "class left out by --classes": 1,
      "hidden (name begins with a dot)": 1,
    });
    const reader = split("train");
    for (let sample = 0; sample < reader.samples; sample += 1) {
      const { source, label } = reader.entry(sample);
      expect(source.startsWith(`${manifest.classes[label]}/`)).toBe(true);
    }
    await expect(importFolder(folder, { classes: ["8", "9"] })).rejects.toThrow(
      /names "9", which is not there/,
    );
    await expect(importFolder(folder, { classes: ["8", "8"] })).rejects.toThrow(/names "8" twice/);
    await expect(importFolder(folder)).rejects.toThrow(/no images that can be read for class "empty"/);
  });

  it("are found with any names, unchanged", async () => {
    const names = [
      "猫 猫",
      "a b",
      "50% off",
      "c++",
      "q?#&",
      "O'Neil \"14",
      "😀",
      "S\u00fcdtirol",
      "x".repeat(200),
      "<b>&",
    ];
    const folder = await folderOf(await classFolders(Object.fromEntries(names.map((name) => [name, 2]))));
    const { manifest, store, report } = await importFolder(folder);
    expect([...manifest.classes].sort()).toEqual([...names].sort());
    const page = Buffer.from(await store.get(report.reportKey)).toString();
    expect(page).toContain("&lt;b&gt;&amp;");
    expect(page).not.toContain("<b>");
  });

  it("with names that differ only in Unicode's form are refused, and one such folder gets the composed name", async () => {
    const folder = await folderOf(await classFolders({ "Su\u0308dtirol": 2, Wien: 2 }));
    expect((await importFolder(folder)).manifest.classes).toEqual(["S\u00fcdtirol", "Wien"]);
    await writeTree(folder, await classFolders({ "S\u00fcdtirol": 2 }, 20));
    await expect(importFolder(folder)).rejects.toThrow(/same name in Unicode: .*composed.* and .*composed/);
  });

  it("follow links to files and folders, never in a circle, and take names that are not UTF-8", async () => {
    const folder = await folderOf(await classFolders({ a: 2, b: 2 }));
    const elsewhere = await folderOf(await classFolders({ more: 2 }, 30));
    await symlink(join(elsewhere, "more"), join(folder, "a", "more"));
    await symlink(folder, join(folder, "a", "circle"));
    await symlink(join(folder, "nowhere"), join(folder, "b", "broken.jpg"));
    await writeFile(Buffer.concat([Buffer.from(`${folder}/b/`), Buffer.from([0xff, 0x2e])]), await jpeg(40));
    const { report } = await importFolder(folder);
    expect(report.accepted).toBe(7);
    expect(report.ignored).toEqual({ "a link to a folder that contains it": 1 });
    expect(report.rejected).toEqual([
      { source: "b/broken.jpg", reason: "a link to a file that is not there" },
    ]);
  });
});

describe("content decides, not the name", () => {
  it("each file is accepted or listed with its reason, and the totals add up", async () => {
    const of = (format: "jpeg" | "png" | "gif" | "webp" | "tiff" | "avif", seed: number) =>
      sampleImage(24, 32, seed).toFormat(format).toBuffer();
    const folder = await folderOf({
      ...(await classFolders({ other: 2 }, 90)),
      "c/a.jpg": await of("jpeg", 1),
      "c/b.JPG": await of("jpeg", 2),
      "c/c.JPEG": await of("png", 3),
      "c/d.jpe": await of("jpeg", 4),
      "c/e.jfif": await of("jpeg", 5),
      "c/f.png": await of("jpeg", 6),
      "c/g.webp": await of("webp", 7),
      "c/h.gif": await of("gif", 8),
      "c/i.bmp": Buffer.from("BM\x36\0\0\0\0\0"),
      "c/j.tif": await of("tiff", 9),
      "c/k.avif": await of("avif", 10),
      "c/l.txt": "notes",
      "c/m": await of("jpeg", 11),
      "c/n.jpg": "<html>not found</html>",
      "c/o.jpg": Buffer.alloc(4096),
      "stray.jpg": await of("jpeg", 12),
      README: "about",
    });
    const { report, store } = await importFolder(folder);
    expectTotals(report, 19);
    expect(report.accepted).toBe(13);
    expect(report.rejected.map(({ source, reason }) => `${source} ${reason}`)).toEqual([
      "c/i.bmp is a BMP image, not an image that can be read; convert it to JPEG or PNG, e.g. magick image.bmp image.png",
      "c/l.txt is a text file, not an image that can be read",
      "c/n.jpg is an HTML page, not an image that can be read; download the image itself",
      "c/o.jpg is a file of zero bytes, not an image that can be read; copy it again",
      "stray.jpg lies outside every class folder",
    ]);
    expect(report.ignored).toEqual({ "not an image, beside the class folders": 1 });
    expect(report.formats).toEqual({ jpg: 8, png: 1, gif: 1, webp: 1, tif: 1, avif: 1 });
    expect(report.warnings.join()).toMatch(
      /2 of the images have the extension of another format.*c\/c\.JPEG, which is PNG/,
    );
    const members = await membersOf(store, "datasets/set/shards/000000.tar");
    expect(
      members
        .filter((name) => !name.endsWith(".cls"))
        .every((name) => /^\d{6}\.(jpg|png|gif|webp|tif|avif)$/.test(name)),
    ).toBe(true);
  });

  it("truncated files are found at import, each named; --on-bad fail stops there and writes nothing", async () => {
    const files = await classFolders({ a: 10, b: 10 });
    const whole = files["a/1.jpg"] as Buffer;
    const png = await sampleImage(64, 64, 99).png().toBuffer();
    const folder = await folderOf({
      ...files,
      "a/cut3.jpg": whole.subarray(0, whole.length - 3),
      "a/half.jpg": whole.subarray(0, whole.length >> 1),
      "a/head.jpg": whole.subarray(0, 200),
      "b/cut3.png": png.subarray(0, png.length - 3),
      "b/half.png": png.subarray(0, png.length >> 1),
    });
    const { report } = await importFolder(folder);
    expect(report.accepted).toBe(20);
    expect(report.rejected.map(({ source }) => source)).toEqual([
      "a/cut3.jpg",
      "a/half.jpg",
      "a/head.jpg",
      "b/cut3.png",
      "b/half.png",
    ]);
    for (const { reason } of report.rejected) expect(reason).toMatch(/damaged/);
    const store = new MemoryStore();
    await expect(importFolder(folder, { onBad: "fail" }, store)).rejects.toThrow(
      /5 files can't be used[\s\S]*a\/cut3\.jpg/,
    );
    expect(store.objects.size).toBe(0);
  });
});

describe("splits", () => {
  it("train/ and validation/ are splits, never classes", async () => {
    const train = await classFolders({ "train/a": 3, "train/b": 2 });
    const validation = await classFolders({ "validation/a": 1, "validation/b": 2 }, 20);
    const { manifest } = await importFolder(await folderOf({ ...train, ...validation }));
    expect(manifest.classes).toEqual(["a", "b"]);
    expect(manifest.counts).toEqual({ train: [3, 2], validation: [1, 2] });
    const options = { validationSplit: 0.2 };
    await expect(importFolder(await folderOf({ ...train, ...validation }), options)).rejects.toThrow(
      /splits of its own/,
    );
  });

  it("test/ stands in for a missing validation/ with a warning, and is left out beside one", async () => {
    const train = await classFolders({ "train/a": 3, "train/b": 2 });
    const test = await classFolders({ "test/a": 1, "test/b": 1 }, 20);
    const standing = await importFolder(await folderOf({ ...train, ...test }));
    expect(standing.manifest.counts.validation).toEqual([1, 1]);
    expect(standing.report.warnings.join()).toMatch(/test\/ is used for validation/);
    const val = await classFolders({ "val/a": 2, "val/b": 2 }, 40);
    const beside = await importFolder(await folderOf({ ...train, ...test, ...val }));
    expect(beside.manifest.counts.validation).toEqual([2, 2]);
    expect(beside.report.warnings.join()).toMatch(/test\/ \(2 files\) is not used/);
    expectTotals(beside.report, 11);
  });

  it("are drawn within each class, seeded, with one image at least on each side", async () => {
    const names = ["balinese", "siamese"].flatMap((breed) =>
      [1, 2, 3, 4, 5].map((index) => `Cats/${breed}${index}.jpg`),
    );
    const cats = Object.fromEntries(
      await Promise.all(names.map(async (name, seed) => [name, await jpeg(seed)] as const)),
    );
    const folder = await folderOf({ ...cats, ...(await classFolders({ Dogs: 3, One: 1 }, 20)) });
    const fifth = await importFolder(folder, { validationSplit: 0.2 });
    expect(fifth.manifest.counts).toEqual({ train: [8, 2, 1], validation: [2, 1, 0] });
    expect(fifth.report.warnings.join()).toMatch(/class "One" has 1 image: it is in training/);
    const half = await importFolder(folder, { validationSplit: 0.5 });
    expect(half.manifest.counts).toEqual({ train: [5, 1, 1], validation: [5, 2, 0] });
    const breeds = half.manifest.splits.validation.shards
      .flatMap(({ samples }) => samples)
      .filter(({ label }) => label === 0)
      .map(({ source }) => source.slice(5, 8));
    expect(new Set(breeds).size).toBe(2);
    const other = await importFolder(folder, { validationSplit: 0.5, splitSeed: 2 });
    expect(other.manifest.hash).not.toBe(half.manifest.hash);
  });

  it("warn of the same bytes in two classes, in both splits, and twice in one class", async () => {
    const folder = await folderOf({
      ...(await classFolders({ "train/a": 2, "train/b": 2 })),
      ...(await classFolders({ "validation/a": 1, "validation/b": 1 }, 20)),
      "train/b/same.jpg": await jpeg(0),
      "validation/b/leak.jpg": await jpeg(2),
      "train/a/copy.jpg": await jpeg(1),
    });
    const warnings = (await importFolder(folder)).report.warnings.join("\n");
    expect(warnings).toMatch(/1 of the images are in two classes.*train\/a\/1\.jpg = train\/b\/same\.jpg/);
    expect(warnings).toMatch(
      /1 of the validation images are in training too.*train\/b\/1\.jpg = validation\/b\/leak\.jpg/,
    );
    expect(warnings).toMatch(/1 of the images are copies/);
  });
});

describe("a wrong folder is refused in one sentence", () => {
  it("one level too deep, empty, missing, a file, one class, one level too high", async () => {
    const folder = await folderOf(await classFolders({ "Pet/Dog": 3, "Pet/Cat": 2 }));
    const dogs = join(folder, "Pet", "Dog");
    await expect(importFolder(dogs)).rejects.toThrow(
      `found 3 images in ${dogs} but no class folders; did you mean the parent, ${join(folder, "Pet")}?`,
    );
    await expect(importFolder(folder)).rejects.toThrow(`did you mean ${folder}/Pet?`);
    await expect(importFolder(await newFolder())).rejects.toThrow(/has no class folders and no images/);
    await expect(importFolder(join(folder, "nope"))).rejects.toMatchObject({ code: "INPUT", exitCode: 2 });
    await expect(importFolder(join(dogs, "1.jpg"))).rejects.toThrow(/is a file; give the folder/);
    const one = await folderOf(await classFolders({ only: 3 }));
    await expect(importFolder(one)).rejects.toThrow(
      /holds one class only \("only"\); a classifier needs two/,
    );
    const sets = await folderOf(
      await classFolders({ "x/train/a": 1, "x/train/b": 1, "y/train/a": 1, "y/train/b": 1 }),
    );
    await expect(importFolder(sets)).rejects.toThrow(`did you mean ${sets}/x?`);
    const bare = await folderOf(await classFolders({ train: 2, validation: 2 }));
    await expect(importFolder(bare)).rejects.toThrow(/found 2 images in .*\/train but no class folders/);
  });

  it("a data set's name is checked before anything is read", async () => {
    const store = new MemoryStore();
    const request = { source: "nowhere", name: "../up", store, options: defaultImportOptions };
    await expect(importDataset(request)).rejects.toMatchObject({ code: "USAGE" });
  });
});

describe("the same content", () => {
  it("has the same hash from any folder, in any order on disk, and importing it again changes nothing", async () => {
    const files = await classFolders({ a: 7, b: 5, ü: 3 });
    const reversed = Object.fromEntries(Object.entries(files).reverse());
    const store = new MemoryStore();
    const first = await importFolder(await folderOf(files), {}, store);
    const before = new Map(store.objects);
    const again = await importFolder(await folderOf(reversed), {}, store);
    expect(again.report.wasThere).toBe(true);
    expect(again.report.hash).toBe(first.report.hash);
    expect(store.objects).toEqual(before);
    const elsewhere = await importFolder(await folderOf(reversed));
    expect(elsewhere.manifest.splits).toEqual(first.manifest.splits);
  });

  it("is refused under a name that other content has", async () => {
    const store = new MemoryStore();
    await importFolder(await folderOf(await classFolders({ a: 2, b: 2 })), {}, store);
    const other = await folderOf(await classFolders({ a: 2, b: 3 }, 9));
    await expect(importFolder(other, {}, store)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringMatching(/"set" is there already with other content \(4 images.*another name/),
    });
  });
});

describe("what is stored", () => {
  it("is each file's bytes unchanged, at the manifest's offset, with its label beside it as WebDataset has it", async () => {
    const files = await classFolders({ a: 9, b: 6 });
    const { manifest, store } = await importFolder(await folderOf(files));
    for (const shard of [...manifest.splits.train.shards, ...manifest.splits.validation.shards]) {
      const tar = Buffer.from(await store.get(shard.key));
      const labels = await labelsOf(store, shard.key);
      shard.samples.forEach(({ offset, bytes, source, label }, index) => {
        expect(tar.subarray(offset, offset + bytes).equals(files[source] as Buffer)).toBe(true);
        expect(labels[index]).toBe(String(label));
      });
    }
    expect(Manifest.parse(JSON.parse(Buffer.from(await store.get(manifestKey("set"))).toString()))).toEqual(
      manifest,
    );
  });

  it("is no data set until the manifest is there: an interrupted import leaves none, and the next one succeeds", async () => {
    const folder = await folderOf(await classFolders({ a: 4, b: 4 }));
    for (const failing of ["shards/000001.tar", "report.html", "manifest.json"]) {
      const store = new MemoryStore();
      const put = store.put.bind(store);
      store.put = async (key, body, options) => {
        if (key.endsWith(failing)) throw new Error("the plug is pulled");
        await put(key, body, options);
      };
      await expect(importFolder(folder, {}, store)).rejects.toThrow("the plug is pulled");
      await expect(openDataset(store, "set")).rejects.toMatchObject({ code: "NOT_FOUND" });
      store.put = put;
      expect((await importFolder(folder, {}, store)).report.wasThere).toBe(false);
    }
  });

  it("an abort ends the import, with nothing written", async () => {
    const source = await folderOf(await classFolders({ a: 4, b: 4 }));
    const store = new MemoryStore();
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const request = {
      source,
      name: "set",
      store,
      options: defaultImportOptions,
      signal: controller.signal,
      onProgress,
    };
    await expect(importDataset(request)).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(store.objects.size).toBe(0);
  });
});

describe("IDX files", () => {
  const idx = (dimensions: number[], data: Uint8Array) => {
    const head = Buffer.alloc(4 + 4 * dimensions.length);
    head.writeUInt32BE(0x0800 + dimensions.length);
    dimensions.forEach((size, index) => {
      head.writeUInt32BE(size, 4 + 4 * index);
    });
    return Buffer.concat([head, data]);
  };
  const digits = (count: number, shift: number) =>
    Uint8Array.from({ length: count * 6 }, (_, at) => (at * 11 + shift) % 256);

  it("plain or gzip, become grey images of their classes and splits", async () => {
    const folder = await folderOf({
      "train-images-idx3-ubyte": idx([5, 2, 3], digits(5, 0)),
      "train-labels-idx1-ubyte": idx([5], Uint8Array.of(7, 1, 7, 1, 10)),
      "t10k-images-idx3-ubyte.gz": gzipSync(idx([3, 2, 3], digits(3, 5))),
      "t10k-labels-idx1-ubyte.gz": gzipSync(idx([3], Uint8Array.of(1, 7, 10))),
    });
    const { manifest, report } = await importFolder(folder);
    expect(manifest.classes).toEqual(["1", "10", "7"]);
    expect(manifest.counts).toEqual({ train: [2, 1, 2], validation: [1, 1, 1] });
    expect(manifest.grey).toBe(true);
    expect(report.sizes.median).toEqual([2, 3]);
  });

  it("cut short, or without labels, are named", async () => {
    const files = {
      "train-images-idx3-ubyte": idx([5, 2, 3], digits(5, 0)).subarray(0, 40),
      "train-labels-idx1-ubyte": idx([5], Uint8Array.of(7, 1, 7, 1, 10)),
    };
    await expect(importFolder(await folderOf(files))).rejects.toThrow(
      /should hold 30 bytes of data but has 24/,
    );
    const alone = { "train-images-idx3-ubyte": files["train-images-idx3-ubyte"] };
    await expect(importFolder(await folderOf(alone))).rejects.toThrow(/train-labels-idx1-ubyte is missing/);
  });
});

async function membersOf(store: ObjectStore, key: string): Promise<string[]> {
  return (await entriesOf(store, key)).map(({ name }) => name);
}

async function labelsOf(store: ObjectStore, key: string): Promise<string[]> {
  return (await entriesOf(store, key)).filter(({ name }) => name.endsWith(".cls")).map(({ text }) => text);
}

/** The tar as another program reads it. */
async function entriesOf(store: ObjectStore, key: string): Promise<{ name: string; text: string }[]> {
  const reader = extract();
  reader.end(await store.get(key));
  const entries: { name: string; text: string }[] = [];
  for await (const entry of reader) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    entries.push({ name: entry.header.name, text: Buffer.concat(chunks).toString() });
  }
  return entries;
}
