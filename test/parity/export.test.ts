/**
 * An exported model is the run's model wherever it is opened: real Keras on model.h5 with the classic snippet, plain
 * tfjs on model.json, `trainyard predict`, and the run's own evaluation give one set of numbers.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeImage } from "../../dataset/decoding/decode-image.js";
import { exportPaths } from "../../engine/export/export-file.js";
import { kerasH5 } from "../../engine/export/keras-h5.js";
import { portableModel } from "../../engine/export/portable-model.js";
import { exportedEngine, readExport } from "../../engine/export/read-export.js";
import { buildTopology } from "../../engine/models/build-model.js";
import { initialParameters } from "../../engine/models/initial-weights.js";
import { modelTopology, type SequentialTopology } from "../../engine/models/model-topology.js";
import { layoutOf } from "../../engine/models/parameter-layout.js";
import { predictFiles } from "../../library/prediction.js";
import { newestDraws, RandomStream } from "../../shared/random.js";
import { type RunSpec, runKey } from "../../shared/spec.js";
import { largestDifference, tensorFlow } from "../support/engine/spec.js";
import { exportRun, movedStatistics, runSpec, trainedParameters } from "../support/exported-run.js";
import { MemoryStore } from "../support/memory-store.js";
import { kerasPython } from "../support/parts.js";
import { isFullScale } from "../support/scale.js";

const script = fileURLToPath(new URL("export_keras.py", import.meta.url));
const plainTfjs = fileURLToPath(new URL("export_tfjs.mjs", import.meta.url));
const data = resolve("../shared/data");
const folder = mkdtempSync(join(tmpdir(), "trainyard-export-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const tf = tensorFlow();
const store = new MemoryStore();
const tolerance = 1e-5;

const digits = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const image = runSpec().image;
const runs = {
  faces: runSpec({ run: "faces" }),
  "faces, wide": runSpec({ run: "faces-wide", image: { ...image, height: 48, width: 80 } }),
  clothing: runSpec({ run: "clothing", classes: readdirSync(`${data}/clothing/train`) }),
  signs: runSpec({ run: "signs", classes: digits, image: { ...image, colour: "as-stored" } }),
  "signs, grey": runSpec({
    run: "signs-grey",
    classes: digits,
    model: { ...runSpec().model, name: "digits" },
    image: { height: 28, width: 28, channels: 1, resize: "nearest", colour: "as-stored" },
  }),
  "faces, MobileNetV2": runSpec({ run: "faces-mobile", model: { ...runSpec().model, name: "mobilenet-v2" } }),
  "clothing, ResNet-18": runSpec({
    run: "clothing-residual",
    classes: readdirSync(`${data}/clothing/train`),
    model: { ...runSpec().model, name: "resnet-18" },
  }),
} as const satisfies Record<string, RunSpec>;
type Name = keyof typeof runs;

/** The deep networks take Keras most of the time, so they are compared in `npm run test:full`. */
const deep: readonly Name[] = ["faces, MobileNetV2", "clothing, ResNet-18"];
const isIncluded = (name: Name) => isFullScale || !deep.includes(name);
const names = (Object.keys(runs) as Name[]).filter(isIncluded);

interface Compared {
  readonly images: readonly string[];
  readonly keras: Float32Array;
  /** Printed by the lines of labels.json for the first image. */
  readonly printed: string;
}
const compared = new Map<string, Compared>();

/** Each class' first images of the validation split. */
function imagesOf(set: string, perClass: number): string[] {
  const split = `${data}/${set}/validation`;
  return readdirSync(split)
    .sort()
    .flatMap((name) =>
      readdirSync(`${split}/${name}`)
        .sort()
        .slice(0, perClass)
        .map((file) => `${split}/${name}/${file}`),
    );
}

/** Keras' load_img looks neither at profiles nor at the orientation. */
async function isUntagged(path: string): Promise<boolean> {
  const { icc, orientation } = await sharp(path).metadata();
  return icc === undefined && (orientation ?? 1) === 1;
}

async function untagged(paths: readonly string[]): Promise<string[]> {
  const are = await Promise.all(paths.map(isUntagged));
  return paths.filter((_, index) => are[index]);
}

const floats = (path: string) => new Float32Array(Uint8Array.from(readFileSync(path)).buffer);

async function jobOf(name: Name, images: readonly string[]) {
  const spec = runs[name];
  await exportRun(store, spec);
  const at = join(folder, spec.run);
  mkdirSync(at);
  writeFileSync(join(at, "model.h5"), await store.get(runKey(spec.run, exportPaths.kerasH5)));
  const { howToUse } = (await readExport(store, spec.run)).labels;
  const { height, width, channels } = spec.image;
  const colourMode = channels === 1 ? "grayscale" : "rgb";
  return { name, folder: at, images, size: [height, width], colourMode, howToUse, shape: null };
}

/** Two blocks whose convolutions are called `block1/conv` and `block1_conv`. */
function awkwardTopology(): SequentialTopology {
  const { class_name, config } = modelTopology(
    runSpec({
      image: { height: 16, width: 20, channels: 3, resize: "nearest", colour: "srgb" },
      model: { ...runSpec().model, name: "digits" },
    }),
  ) as SequentialTopology;
  const names: Record<string, string> = { conv2d_1: "block1/conv", conv2d_2: "block1_conv" };
  const layers = config.layers.map((layer) => ({
    ...layer,
    config: { ...layer.config, name: names[layer.config.name] ?? layer.config.name },
  }));
  return { class_name, config: { ...config, layers } };
}

/** Built twice in this process: tfjs counts names up, the export must not. */
async function awkwardJob() {
  const topology = awkwardTopology();
  buildTopology(tf, topology).dispose();
  const model = buildTopology(tf, topology);
  const layout = layoutOf(model);
  const parameters = trainedParameters(layout, initialParameters(layout, 3, newestDraws));
  const statistics = movedStatistics(layout);
  const random = new RandomStream(9, 81);
  const images = new Float32Array(8 * 16 * 20 * 3).map(() => random.nextBelow(256));
  const at = join(folder, "awkward");
  mkdirSync(at);
  writeFileSync(
    join(at, "model.h5"),
    await kerasH5(portableModel({ topology, layout, parameters, statistics })),
  );
  writeFileSync(join(at, "images.f32"), images);
  const ours = tf.tidy(() => {
    for (const layer of model.layers) {
      const slots = layout.parameters.filter(({ name }) => name.replace(/\/[^/]*$/, "") === layer.name);
      const norm = layout.batchNorms.find((slot) => slot.layer === layer.name);
      const own = slots.map(({ shape, offset, size }) =>
        tf.tensor(parameters.subarray(offset, offset + size), shape),
      );
      const moving = norm === undefined ? [] : [norm.offset, norm.offset + norm.channels];
      const values = moving.map((begin) =>
        tf.tensor1d(statistics.subarray(begin, begin + (norm?.channels ?? 0))),
      );
      if (own.length > 0) layer.setWeights([...own, ...values]);
    }
    const pixels = tf.tensor4d(images, [8, 16, 20, 3]).div(255);
    return (model.predict(pixels) as ReturnType<typeof tf.tensor>).dataSync() as Float32Array;
  });
  model.dispose();
  return { ours, job: { name: "awkward", folder: at, images: [], shape: [8, 16, 20, 3] } };
}

let awkward: Float32Array;

beforeAll(async () => {
  const faces = await untagged(imagesOf("faces", 12));
  const signs = imagesOf("signs", 3);
  const { ours, job } = await awkwardJob();
  awkward = ours;
  const photographs: Readonly<Record<Name, readonly string[]>> = {
    faces,
    "faces, wide": faces.slice(0, 6),
    clothing: await untagged(imagesOf("clothing", 10)),
    signs,
    "signs, grey": signs,
    "faces, MobileNetV2": faces.slice(0, 8),
    "clothing, ResNet-18": await untagged(imagesOf("clothing", 2)),
  };
  const jobs: (Awaited<ReturnType<typeof jobOf>> | typeof job)[] = [job];
  for (const name of names) jobs.push(await jobOf(name, photographs[name]));
  writeFileSync(join(folder, "jobs.json"), JSON.stringify(jobs));
  execFileSync(kerasPython(), [script, join(folder, "jobs.json")], { stdio: ["ignore", "ignore", "pipe"] });
  for (const { name, folder: at, images } of jobs) {
    const printed = images.length > 0 ? readFileSync(join(at, "printed.txt"), "utf8") : "";
    compared.set(name, { images, keras: floats(join(at, "outputs.f32")), printed });
  }
}, 900_000);

async function predictionsOf(spec: RunSpec, paths: readonly string[]) {
  const exported = await readExport(store, spec.run);
  const engine = exportedEngine(tf, exported);
  const files = paths.map((path) => ({ path, file: path }));
  const rows = [];
  for await (const row of predictFiles(engine, exported.spec, files)) {
    if ("error" in row) throw new Error(`${row.path} ${row.error}`);
    rows.push(row);
  }
  engine.dispose();
  return rows;
}

describe("real Keras on model.h5, the classic snippet: outputs equal predict's within 1e-5", () => {
  it.each(names)("%s", async (name) => {
    const { images, keras, printed } = compared.get(name) as Compared;
    const rows = await predictionsOf(runs[name], images);
    expect(rows.length).toBeGreaterThanOrEqual(6);
    const { classes } = runs[name];
    const isBinary = classes.length === 2;
    const ours = rows.flatMap(({ probabilities }) =>
      isBinary ? probabilities.slice(1) : [...probabilities],
    );
    expect(largestDifference(ours, keras)).toBeLessThan(tolerance);
    expect(Math.max(...keras) - Math.min(...keras)).toBeGreaterThan(0.01); // not one answer for all
    for (const [index, row] of rows.entries()) {
      const output = keras.subarray(
        index * (keras.length / rows.length),
        (index + 1) * (keras.length / rows.length),
      );
      const meant = isBinary
        ? classes[(output[0] as number) > 0.5 ? 1 : 0]
        : classes[output.indexOf(Math.max(...output))];
      expect(row.class).toBe(meant);
    }
    expect(printed).toBe(rows[0]?.class);
  });

  it("enough of the shared images have neither a colour profile nor an orientation", () => {
    expect(compared.get("faces")?.images.length).toBe(24);
    expect(compared.get("clothing")?.images.length).toBeGreaterThanOrEqual(20);
  });
});

describe("names of layers", () => {
  it("a model built twice, with a layer called block1/conv: Keras' outputs on 8 images within 1e-5", () => {
    const { keras } = compared.get("awkward") as Compared;
    expect(keras).toHaveLength(8);
    expect(largestDifference(awkward, keras)).toBeLessThan(tolerance);
    const names = JSON.parse(readFileSync(join(folder, "awkward", "layers.json"), "utf8")) as string[];
    expect(names).toContain("block1_conv");
    expect(names).toContain("block1_conv_1");
    expect(new Set(names).size).toBe(names.length);
  });
});

describe("the run's own numbers", () => {
  it("evaluation never augments nor drops out: three equal results, within 1e-6 of predict", async () => {
    const strong = runSpec({
      run: "strong",
      augmentation: { ...runSpec().augmentation, rotationRange: 90, horizontalFlip: true, zoomRange: 0.5 },
    });
    await exportRun(store, strong);
    const paths = imagesOf("faces", 5);
    const rows = await predictionsOf(strong, paths);
    const engine = exportedEngine(tf, await readExport(store, strong.run));
    const images = await decodedBy(strong, paths);
    const labels = new Int32Array(paths.length);
    const evaluations = [1, 2, 3].map(() => engine.evaluate(images, labels).probabilities);
    engine.dispose();
    expect(evaluations[1]).toEqual(evaluations[0]);
    expect(evaluations[2]).toEqual(evaluations[0]);
    const predicted = rows.flatMap(({ probabilities }) => [...probabilities]);
    expect(largestDifference(predicted, evaluations[0] as Float32Array)).toBeLessThan(1e-6);
  });

  it("the scaling is in the file, once: 0..1 pixels mean another image", async () => {
    const json = Buffer.from(await store.get(runKey("faces", exportPaths.tfjsModel))).toString();
    expect(json.match(/"class_name":\s*"Rescaling"/g)).toHaveLength(1);
  });
});

async function decodedBy(spec: RunSpec, paths: readonly string[]): Promise<Uint8Array> {
  const images = await Promise.all(paths.map((path) => decodeImage(readFileSync(path), spec.image)));
  return Uint8Array.from(Buffer.concat(images));
}

describe("plain tfjs, in a process without Trainyard", () => {
  it.each((["faces", "signs, grey", "faces, MobileNetV2"] as const).filter(isIncluded))(
    "%s: loadLayersModel(model.json) within 1e-5 of predict",
    async (name) => {
      const spec = runs[name];
      const at = join(folder, `tfjs-${spec.run}`);
      mkdirSync(at);
      for await (const { key } of store.list(runKey(spec.run, "export/tfjs/"))) {
        writeFileSync(join(at, key.split("/").at(-1) as string), await store.get(key));
      }
      const paths = (compared.get(name) as Compared).images.slice(0, 4);
      const images = await decodedBy(spec, paths);
      writeFileSync(join(at, "images.u8"), images);
      const { height, width, channels } = spec.image;
      const shape = JSON.stringify([paths.length, height, width, channels]);
      const output = execFileSync(process.execPath, [plainTfjs, at, shape], {
        encoding: "utf8",
        stdio: "pipe",
      });
      const { raw, scaled } = JSON.parse(output) as { raw: number[]; scaled: number[] };
      const rows = await predictionsOf(spec, paths);
      const isBinary = spec.classes.length === 2;
      const ours = rows.flatMap(({ probabilities }) =>
        isBinary ? probabilities.slice(1) : [...probabilities],
      );
      expect(largestDifference(ours, raw)).toBeLessThan(tolerance);
      expect(largestDifference(ours, scaled)).toBeGreaterThan(1e-3);
    },
  );
});
