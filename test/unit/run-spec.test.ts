import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { explainLanes } from "../../runs/lane-choice.js";
import { newRunName } from "../../runs/run-name.js";
import { buildSpec, parseImageSize } from "../../runs/run-spec.js";
import type { RunFlags } from "../../shared/settings/run-settings.js";
import { microBatchSize } from "../../shared/spec.js";
import { faces } from "../support/faces-manifest.js";
import { runFlagsOf } from "../support/parsed-flags.js";

/** The flags as the program parses them, types included: they must be what buildSpec takes. */
const flagsOf = async (line: string): Promise<RunFlags> => runFlagsOf(line === "" ? [] : line.split(" "));

const specOf = async (line: string, manifest = faces) => buildSpec(await flagsOf(line), manifest, "faces-1");

describe("without flags", () => {
  it("a run has the classic's defaults", async () => {
    expect(await specOf("")).toEqual({
      format: "trainyard-run/2",
      run: "faces-1",
      dataset: { name: "faces", hash: faces.hash },
      classes: ["female", "male"],
      image: { height: 64, width: 64, channels: 3, resize: "nearest", colour: "srgb" },
      model: { name: "classic", dropout: 0.5, batchNormMomentum: 0.9, l2: 0 },
      optimizer: {
        name: "adam",
        learningRate: 1e-3,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-7,
        schedule: "constant",
        clipNorm: null,
      },
      augmentation: {
        rotationRange: 20,
        widthShiftRange: 0.1,
        heightShiftRange: 0.1,
        shearRange: 5,
        zoomRange: 0.1,
        horizontalFlip: true,
        verticalFlip: false,
        fillMode: "nearest",
        cval: 0,
        brightnessRange: null,
        channelShiftRange: 0,
      },
      epochs: 25,
      batchSize: 32,
      lanes: 2,
      accumulation: 1,
      localSteps: null,
      shuffleShards: 8,
      seed: 0,
      classWeights: [1, 1],
      labelSmoothing: 0,
      earlyStopping: null,
      plateau: null,
      exportWeights: "last",
      checkpoint: { keep: 3, everySteps: null, everySeconds: 60 },
      nonFinite: { policy: "skip", inARow: 5 },
      audit: 0.01,
      maxExcluded: 0.1,
      wire: "float32",
      engine: { intraOpThreads: 1, oneDnn: true, compute: "float32" },
      allowMixed: false,
    });
  });

  it("digits on a grey data set are 28 x 28 x 1 in 8 lanes, and not mirrored", async () => {
    const spec = await specOf("--model digits", { ...faces, grey: true });
    expect(spec.image).toMatchObject({ height: 28, width: 28, channels: 1 });
    expect(spec).toMatchObject({ batchSize: 256, lanes: 8, augmentation: { horizontalFlip: false } });
  });

  it("a grey data set is still colour for the classic, as in Keras", async () => {
    expect((await specOf("", { ...faces, grey: true })).image.channels).toBe(3);
  });
});

describe("a flag", () => {
  it.each([
    ["--image-size 48x32", { image: { height: 48, width: 32 } }],
    ["--class-weight female=1,male=3", { classWeights: [1, 3] }],
    ["--class-weight male=0.5", { classWeights: [1, 0.5] }],
    ["--class-weight balanced", { classWeights: [400 / 600, 2] }],
    ["--brightness-range 0.8,1.2", { augmentation: { brightnessRange: [0.8, 1.2] } }],
    ["--brightness-range 0.8 1.2", { augmentation: { brightnessRange: [0.8, 1.2] } }],
    ["--no-horizontal-flip", { augmentation: { horizontalFlip: false } }],
    ["--fill-mode constant --cval 128", { augmentation: { fillMode: "constant", cval: 128 } }],
    ["--classes female male", { classes: ["female", "male"] }],
    ["--classes male female --class-weight male=3", { classes: ["male", "female"], classWeights: [3, 1] }],
    [
      "--classes male,female --class-weight balanced",
      { classes: ["male", "female"], classWeights: [2, 400 / 600] },
    ],
    ["--patience 3", { earlyStopping: { patience: 3, minDelta: 0 }, exportWeights: "best" }],
    ["--patience 3 --export-weights last", { exportWeights: "last" }],
    [
      "--reduce-on-plateau 0.5",
      { plateau: { factor: 0.5, patience: 10, minDelta: 1e-4, minLearningRate: 0 }, exportWeights: "last" },
    ],
    ["--lanes 3 --batch-size 96 --accumulate 2", { lanes: 3, batchSize: 96, accumulation: 2 }],
    ["--local-steps 4", { localSteps: { count: 4, learningRate: 0.003 }, batchSize: 32, lanes: 2 }],
    ["--local-steps 1 --local-lr 0.5", { localSteps: { count: 1, learningRate: 0.5 } }],
    ["--clip-norm 0.5", { optimizer: { clipNorm: 0.5 } }],
    ["--optimizer adam", { optimizer: { name: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-7 } }],
    [
      "--optimizer sgd",
      { optimizer: { name: "sgd", learningRate: 0.01, momentum: 0, nesterov: false, schedule: "constant" } },
    ],
    ["--model digits --optimizer sgd", { optimizer: { learningRate: 0.01, schedule: "cosine" } }],
    [
      "--optimizer sgd --learning-rate 0.1 --momentum 0.9 --nesterov --clip-norm 1",
      { optimizer: { name: "sgd", learningRate: 0.1, momentum: 0.9, nesterov: true, clipNorm: 1 } },
    ],
    ["--learning-rate 3e-4 --beta-1 0.8", { optimizer: { learningRate: 3e-4, beta1: 0.8 } }],
  ])("%s does what it says", async (line, expected) => {
    expect(await specOf(line)).toMatchObject(expected);
  });

  it.each([
    ["--batch-size 30 --lanes 4", "--batch-size 30 is no multiple of 4 lanes; use 28 or 32"],
    ["--batch-size 2 --lanes 4", "--batch-size 2 is no multiple of 4 lanes; use 4 or 8"],
    [
      "--batch-size 60 --lanes 4 --accumulate 2",
      "--batch-size 60 is no multiple of 4 lanes x --accumulate 2; use 56 or 64",
    ],
    ["--accumulate 0", "--accumulate must be at least 1, not 0"],
    ["--local-steps 0", "--local-steps must be at least 1 and at most 1000, not 0"],
    ["--local-steps 2 --local-lr 0", "--local-lr must be above 0, not 0"],
    ["--local-lr 0.1", "--local-lr does nothing without --local-steps"],
    [
      "--batch-size 60 --lanes 4 --accumulate 2 --local-steps 5",
      "--batch-size 60 is no multiple of 4 lanes x --accumulate 2; use 56 or 64",
    ],
    ["--batch-size 0", "--batch-size must be at least 1, not 0"],
    ["--batch-size 3.5", '--batch-size must be a whole number, at least 1, not "3.5"'],
    ["--epochs abc", '--epochs must be a whole number, at least 1, not "abc"'],
    ["--epochs 0x10", '--epochs must be a whole number, at least 1, not "0x10"'],
    ["--learning-rate 0", "--learning-rate must be above 0, not 0"],
    ["--learning-rate Infinity", '--learning-rate must be a number, above 0, not "Infinity"'],
    ["--learning-rate 1 --learning-rate 2", "--learning-rate is given more than once"],
    ["--dropout 1", "--dropout must be at least 0 and at most 0.95, not 1"],
    ["--lanes 4097", "--lanes must be at least 1 and at most 4096, not 4097"],
    ["--seed 4294967296", "--seed must be at least 0 and at most 4294967295, not 4294967296"],
    ["--image-size 7", "--image-size must be at least 8 and at most 4096, not 7"],
    [
      "--image-size 64x64x3",
      '--image-size must be a whole number or HEIGHTxWIDTH, each at least 8 and at most 4096, not "64x64x3"',
    ],
    ["--image-size x", '--image-size must be a whole number, at least 8 and at most 4096, not ""'],
    ["--channels 2", "--channels must be 1 (grey) or 3 (colour), not 2"],
    ["--rotation-range 181", "--rotation-range must be at least 0 and at most 180, not 181"],
    [
      "--brightness-range 0.8",
      "--brightness-range must be the lowest and the highest factor, as 0.8,1.2, each at least 0 and at most 10; not 0.8",
    ],
    ["--brightness-range 1.2,0.8", "--brightness-range must be the lowest and the highest factor"],
    ["--brightness-range a,b", '--brightness-range must be a number, at least 0 and at most 10, not "a"'],
    ["--optimizer adamw", '--optimizer must be one of adam, sgd, not "adamw"; did you mean adam?'],
    ["--optimizer sgd --beta-1 0.8", "--beta-1 does nothing without --optimizer adam"],
    ["--optimizer sgd --beta-2 0.8", "--beta-2 does nothing without --optimizer adam"],
    ["--optimizer sgd --epsilon 1e-6", "--epsilon does nothing without --optimizer adam"],
    ["--momentum 0.9", "--momentum does nothing without --optimizer sgd"],
    ["--nesterov", "--nesterov does nothing without --optimizer sgd"],
    ["--optimizer sgd --nesterov", "--nesterov does nothing without --momentum"],
    ["--optimizer sgd --momentum 1", "--momentum must be at least 0 and below 1, not 1"],
    ["--cval 3", "--cval does nothing without --fill-mode constant"],
    ["--min-delta 0.1", "--min-delta does nothing without --patience or --reduce-on-plateau"],
    ["--plateau-patience 3", "--plateau-patience does nothing without --reduce-on-plateau"],
    ["--min-learning-rate 1e-5", "--min-learning-rate does nothing without --reduce-on-plateau"],
    ["--class-weight male", '--class-weight must be CLASS=WEIGHT or balanced, not "male"'],
    ["--class-weight mael=2", '--class-weight: faces has no class "mael"; did you mean male?'],
    ["--class-weight male=0", "--class-weight must be above 0, not 0"],
    ["--class-weight male=1,male=2", "--class-weight names a class more than once"],
    [
      "--classes male",
      '--classes must name all classes of faces, and lacks "female"; to leave one out, import again with --classes male',
    ],
    ["--classes female malle", '--classes: faces has no class "malle"; did you mean male?'],
  ])("%s is refused in one sentence", async (line, sentence) => {
    await expect(specOf(line)).rejects.toThrow(sentence);
  });
});

describe("a data set", () => {
  it("of one class is refused", async () => {
    await expect(specOf("", { ...faces, classes: ["female"] })).rejects.toThrow(
      'the data set faces has only the class "female"; training needs at least two',
    );
  });

  it("with a class without training images is refused, with the class", async () => {
    const manifest = { ...faces, counts: { train: [300, 0], validation: [75, 25] } };
    await expect(specOf("", manifest)).rejects.toThrow('no training images in "male"');
  });
});

describe("lanes by default", () => {
  it.each([
    [16, 1],
    [32, 2],
    [64, 4],
    [100, 4],
    [128, 8],
    [1024, 8],
    [33, 1],
  ])("a batch of %i gets %i", async (batchSize, lanes) => {
    expect((await specOf(`--batch-size ${batchSize}`)).lanes).toBe(lanes);
  });

  it("fit every batch size without accumulation", async () => {
    const flags = await flagsOf("");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), (batchSize) => {
        expect(Number.isInteger(microBatchSize(buildSpec({ ...flags, batchSize }, faces, "r")))).toBe(true);
      }),
    );
  });

  it("are explained", async () => {
    expect(explainLanes(await specOf(""))).toBe(
      "2 lanes: at most 2 workers compute at a time, micro-batches of 16; --batch-size 128 gives 8",
    );
    expect(explainLanes(await specOf("--lanes 8 --accumulate 2 --local-steps 4 --local-lr 0.1"))).toBe(
      "8 lanes: at most 8 workers compute at a time, micro-batches of 2, 2 to a gradient; weights are exchanged after 4 local steps of SGD 0.1 (128 images)",
    );
  });
});

describe("a run's name", () => {
  it("is the data set, the time in UTC and four digits", () => {
    expect(newRunName("faces", new Date("2026-03-04T05:06:07Z"), 0x1_000a)).toBe(
      "faces-20260304-050607-000a",
    );
  });

  it.each(["", "../x", "a b", "-x", "a/b", "x".repeat(101)])("%j is refused", async (name) => {
    const flags = await flagsOf("");
    expect(() => buildSpec(flags, faces, name)).toThrow("can't name a run");
  });

  it("that is a number stays what it is", async () => {
    expect(buildSpec(await flagsOf("--run 0123"), faces, "0123").run).toBe("0123");
    expect((await flagsOf("--run 0123")).run).toBe("0123");
  });
});

it("an image size is height x width", () => {
  expect(parseImageSize("64")).toEqual([64, 64]);
  expect(parseImageSize("48x32")).toEqual([48, 32]);
});
