/** An export is whole or not there, published once, and checked when it is read back. */
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { exportPaths } from "../../engine/export/export-file.js";
import { exportFiles, publishExport } from "../../engine/export/index.js";
import { Labels, labelsOf } from "../../engine/export/labels-json.js";
import { portableModel } from "../../engine/export/portable-model.js";
import { readExport, uncheckedPart } from "../../engine/export/read-export.js";
import { tfjsFiles } from "../../engine/export/tfjs-layers-model.js";
import { modelTopology, type SequentialTopology } from "../../engine/models/model-topology.js";
import type { ModelLayout } from "../../shared/layout.js";
import { runKey } from "../../shared/spec.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import { runSpec } from "../support/exported-run.js";
import { withSmallDisk } from "../support/full-disk.js";
import { MemoryStore } from "../support/memory-store.js";

/** A layout of the topology's first block only: enough to see where each number goes. */
const layout: ModelLayout = {
  parameters: [
    { name: "conv2d_1/kernel", shape: [3, 3, 3, 32], offset: 0, size: 864 },
    { name: "conv2d_1/bias", shape: [32], offset: 864, size: 32 },
    { name: "batch_normalization_1/gamma", shape: [32], offset: 896, size: 32 },
    { name: "batch_normalization_1/beta", shape: [32], offset: 928, size: 32 },
  ],
  parameterCount: 960,
  batchNorms: [
    { layer: "batch_normalization_1", channels: 32, momentum: 0.9, offset: 0, elementsPerSample: 4096 },
  ],
  statisticsCount: 64,
};
const spec = runSpec({ run: "r" });
const numbered = (size: number, from: number) => new Float32Array(size).map((_, index) => from + index);
const trained = { layout, parameters: numbered(960, 0), statistics: numbered(64, 5000) };
const storedSpec = Buffer.from(JSON.stringify(spec));
const owner = { run: "r", specSha256: sha256Hex(storedSpec) };
const files = await exportFiles({ spec, owner, ...trained });

const noRoom = expect.stringMatching(/^can't write the Keras model in .* TMPDIR/);

/** The same export, made at another time. */
async function exportedAt(time: Date) {
  vi.useFakeTimers({ now: time, toFake: ["Date"] });
  try {
    return await exportFiles({ spec, owner, ...trained });
  } finally {
    vi.useRealTimers();
  }
}

async function published(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.put(runKey("r", "spec.json"), storedSpec);
  await publishExport(store, "r", files, { generation: 1 });
  return store;
}

describe("the files of an export", () => {
  it("weights come before the JSON that names them, labels.json last", () => {
    const paths = files.map(({ path }) => path);
    expect(paths).toEqual([
      exportPaths.kerasH5,
      "export/tfjs/group1-shard1of1.bin",
      exportPaths.tfjsModel,
      exportPaths.labels,
    ]);
  });

  it("weights larger than 4 MiB are cut into shards that make the whole", () => {
    const size = 3 * 1024 * 1024 + 5;
    const large: ModelLayout = {
      ...layout,
      parameters: [{ name: "conv2d_1/kernel", shape: [size], offset: 0, size }],
      parameterCount: size,
    };
    const parameters = numbered(size, 0);
    const topology = modelTopology(spec);
    const model = portableModel({ topology, layout: large, parameters, statistics: numbered(64, 0) });
    const shards = tfjsFiles(model).slice(0, -1);
    expect(shards.map(({ bytes }) => bytes.length)).toEqual([4_194_304, 4_194_304, 4_194_304, 20 + 256]);
    const whole = Buffer.concat(shards.map(({ bytes }) => bytes));
    expect(whole.subarray(0, size * 4).equals(Buffer.from(parameters.buffer))).toBe(true);
  });

  it("a disk without room for the Keras file is an error in one sentence, never a truncated file", async () => {
    const size = 1024 * 1024 - 3000; // the weights fit the disk, the file does not
    const large: ModelLayout = {
      ...layout,
      parameters: [{ name: "conv2d_1/kernel", shape: [size], offset: 0, size }],
      parameterCount: size,
    };
    const model = { spec, layout: large, parameters: numbered(size, 0), statistics: numbered(64, 0) };
    const before = process.env["TMPDIR"];
    try {
      await withSmallDisk(async (folder) => {
        process.env["TMPDIR"] = folder;
        await expect(exportFiles(model)).rejects.toMatchObject({ code: "FAILED", message: noRoom });
        expect(readdirSync(folder)).toEqual([]);
      });
      process.env["TMPDIR"] = join(tmpdir(), "not there");
      await expect(exportFiles(model)).rejects.toMatchObject({ code: "FAILED", message: noRoom });
    } finally {
      if (before === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = before;
    }
  });

  it("batch norm's weights are gamma, beta, then the published statistics", () => {
    const norm = portableModel({ topology: modelTopology(spec), ...trained }).layers.find(
      ({ class_name }) => class_name === "BatchNormalization",
    );
    expect(norm?.weights.map(({ name, values }) => [name, values[0]])).toEqual([
      ["gamma", 896],
      ["beta", 928],
      ["moving_mean", 5000],
      ["moving_variance", 5032],
    ]);
  });

  it("vectors of another model are refused", async () => {
    const statistics = new Float32Array(2);
    await expect(exportFiles({ spec, ...trained, statistics })).rejects.toMatchObject({ code: "MODEL" });
  });

  it("a model with a value that is not finite is not exported, and the sentence says where it is", async () => {
    const parameters = trained.parameters.slice();
    parameters[layout.parameters[1]?.offset ?? 0] = Number.NEGATIVE_INFINITY;
    await expect(exportFiles({ spec, ...trained, parameters })).rejects.toMatchObject({
      code: "MODEL",
      message: `the model holds values in ${layout.parameters[1]?.name} that are not finite: it predicts nothing and is not exported`,
    });
    const statistics = trained.statistics.slice().fill(Number.NaN, 3, 4);
    await expect(exportFiles({ spec, ...trained, statistics })).rejects.toThrow("the batch-norm statistics");
  });

  it("a topology without an input shape is refused", () => {
    const { class_name, config } = modelTopology(spec) as SequentialTopology;
    const topology: SequentialTopology = {
      class_name,
      config: { ...config, layers: config.layers.slice(1) },
    };
    expect(() => portableModel({ topology, ...trained })).toThrow(/no input shape/);
  });
});

describe("labels.json", () => {
  it("says that above 0.5 means the second of two classes", () => {
    const { output, howToUse } = labelsOf({ ...spec, classes: ["man", "woman"] }, null, []);
    expect(output.rule).toMatch(/above 0\.5 means "woman", else "man"/);
    expect(howToUse.join("\n")).toContain("load_img(path, target_size=(64, 64))");
  });

  it("names the run, its spec and every other file of the export by its hash", () => {
    const labels = Labels.parse(JSON.parse(Buffer.from(files.at(-1)?.bytes ?? []).toString("utf8")));
    expect(labels).toMatchObject({ format: "trainyard-labels/2", ...owner });
    expect(labels.files).toEqual(
      files.slice(0, -1).map(({ path, bytes }) => ({ path, bytes: bytes.length, sha256: sha256Hex(bytes) })),
    );
    expect(labels.files.map(({ path }) => path)).toContain(exportPaths.kerasH5);
  });

  it("keeps the classes in their order, whatever their names", () => {
    const classes = ["10", "2", "O'Neil \"14", "猫 猫"];
    expect(labelsOf({ ...spec, classes }, null, []).classes).toEqual(classes);
  });
});

describe("publishing", () => {
  it("does not change files that exist, and adds those that are missing", async () => {
    const store = await published();
    const key = runKey("r", exportPaths.kerasH5);
    const before = store.objects.get(key);
    store.objects.delete(runKey("r", exportPaths.labels));
    const later = await exportedAt(new Date("2031-05-06T07:08:09Z"));
    const keys = await publishExport(store, "r", later, { generation: 1 });
    expect(store.objects.get(key)).toEqual(before);
    expect(store.objects.has(runKey("r", exportPaths.labels))).toBe(true);
    expect(keys).toEqual(files.map(({ path }) => runKey("r", path)));
  });

  it("stores the whole export in a folder of its own when a coordinator that was taken over has stored another model", async () => {
    const store = await published();
    const before = new Map(store.objects);
    const other = await exportFiles({ spec, owner, ...trained, parameters: numbered(960, 7) });
    const keys = await publishExport(store, "r", other, { generation: 3 });
    expect(keys).toEqual(files.map(({ path }) => runKey("r", `published/3/${path}`)));
    for (const [key, bytes] of before) expect(store.objects.get(key)).toEqual(bytes);
    for (const { path, bytes } of other) {
      expect(store.objects.get(runKey("r", `published/3/${path}`))).toEqual(Uint8Array.from(bytes));
    }
    expect(await publishExport(store, "r", other, { generation: 3 })).toEqual(keys);
    const first = async (folder: string) =>
      (await readExport(store, "r", { folder })).weights.get("conv2d_1/kernel")?.[0];
    expect([await first(""), await first("published/3/")]).toEqual([0, 7]);
  });
});

describe("reading an export back", () => {
  it("returns every weight unchanged", async () => {
    const { weights, labels } = await readExport(await published(), "r");
    expect(weights.get("conv2d_1/kernel")).toEqual(trained.parameters.slice(0, 864));
    expect(weights.get("batch_normalization_1/moving_variance")).toEqual(trained.statistics.slice(32));
    expect(labels.classes).toEqual(spec.classes);
  });

  it("without labels.json there is no export yet", async () => {
    const store = await published();
    store.objects.delete(runKey("r", exportPaths.labels));
    await expect(readExport(store, "r")).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("no exported model"),
    });
  });

  it("a changed byte of the weights is DAMAGED", async () => {
    const store = await published();
    const bytes = store.objects.get(runKey("r", "export/tfjs/group1-shard1of1.bin"));
    if (bytes !== undefined) bytes[100] = 255 - (bytes[100] ?? 0);
    await expect(readExport(store, "r")).rejects.toMatchObject({ code: "DAMAGED" });
  });

  it("weights that are not finite, as earlier versions could export them, are refused where they are read", async () => {
    const store = await published();
    const [labelsKey, path] = [runKey("r", exportPaths.labels), "export/tfjs/group1-shard1of1.bin"];
    const bytes = store.objects.get(runKey("r", path)) as Uint8Array;
    new DataView(bytes.buffer, bytes.byteOffset).setFloat32(0, Number.NaN, true);
    const labels = Labels.parse(JSON.parse(Buffer.from(store.objects.get(labelsKey) ?? []).toString("utf8")));
    const rehashed = labels.files.map((file) =>
      file.path === path ? { ...file, sha256: sha256Hex(bytes) } : file,
    );
    store.objects.set(labelsKey, Buffer.from(JSON.stringify({ ...labels, files: rehashed })));
    await expect(readExport(store, "r")).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringMatching(
        /holds values in conv2d_1\/kernel that are not finite, so the model predicts nothing/,
      ),
    });
  });

  it("a model.h5 that was cut by two bytes is DAMAGED too, with advice that fits an export", async () => {
    const store = await published();
    const key = runKey("r", exportPaths.kerasH5);
    store.objects.set(key, (store.objects.get(key) as Uint8Array).slice(0, -2));
    await expect(readExport(store, "r")).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringMatching(
        /"runs\/r\/export\/keras\/model\.h5" .* is damaged: .*restore the run's export from a copy, or train with the same settings again/,
      ),
    });
  });

  it("another run's export in its place is refused by name, and so is one of another spec", async () => {
    const store = await published();
    const labelsKey = runKey("r", exportPaths.labels);
    const others = await exportFiles({ spec, owner: { ...owner, run: "other" }, ...trained });
    for (const { path, bytes } of others) store.objects.set(runKey("r", path), bytes);
    await expect(readExport(store, "r")).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringMatching(`^${labelsKey} is the export of the run other, not of r: restore`),
    });
    const unowned = await exportFiles({ spec, ...trained });
    for (const { path, bytes } of unowned) store.objects.set(runKey("r", path), bytes);
    await expect(readExport(store, "r")).rejects.toThrow("is the export of no run, not of r");
    for (const { path, bytes } of files) store.objects.set(runKey("r", path), bytes);
    store.objects.set(runKey("r", "spec.json"), Buffer.from(JSON.stringify({ ...spec, seed: 2 })));
    await expect(readExport(store, "r")).rejects.toMatchObject({
      code: "DAMAGED",
      message: expect.stringMatching(`^${labelsKey} is the export of another spec than runs/r/spec.json`),
    });
  });

  it("an export of the first format is read, and what could not be checked is said", async () => {
    const store = await published();
    const key = runKey("r", exportPaths.labels);
    const labels = Labels.parse(JSON.parse(Buffer.from(store.objects.get(key) ?? []).toString("utf8")));
    const { specSha256: _, ...first } = { ...labels, format: "trainyard-labels/1", version: "0.0.9" };
    const tfjs = first.files.filter(({ path }) => path !== exportPaths.kerasH5);
    store.objects.set(key, Buffer.from(JSON.stringify({ ...first, files: tfjs })));
    store.objects.delete(runKey("r", exportPaths.kerasH5));
    const model = await readExport(store, "r");
    expect(uncheckedPart(model)).toMatch(
      /^the export of r names no hash of its spec and of model\.h5, because Trainyard 0\.0\.9/,
    );
    expect(uncheckedPart(await readExport(await published(), "r"))).toBeNull();
    store.objects.set(key, Buffer.from(JSON.stringify({ ...first, run: "other", files: tfjs })));
    await expect(readExport(store, "r")).rejects.toThrow("is the export of the run other, not of r");
  });
});
