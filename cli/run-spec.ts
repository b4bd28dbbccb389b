/**
 * From flags and a data set to the run spec: fills in what depends on model and data set, refuses what can't be
 * trained. Pure; each refusal names the flag or class and what would fit.
 */
import type { Manifest } from "../dataset/manifest.js";
import { TrainyardError } from "../shared/errors.js";
import { suggestion } from "../shared/nearest.js";
import { type AugmentationSpec, type ImageSpec, microBatchSize, RunSpec } from "../shared/spec.js";
import { faultsOf } from "./fault-options.js";
import { chooseLanes } from "./lane-choice.js";
import { parseNumber } from "./options.js";
import { checkRunName } from "./run-name.js";
import type { RunFlags } from "./run-options.js";

const photographs = {
  batchSize: 32,
  epochs: 25,
  learningRate: 1e-3,
  schedule: "constant",
  dropout: 0.5,
  rotationRange: 20,
  shearRange: 5,
  horizontalFlip: true,
} as const;

/** Halves pictures five times: 96 leaves 3x3. */
const residual = { ...photographs, imageSize: "96", smallestSide: 32, dropout: 0.2 } as const;

/** Where the models differ; digits must not be mirrored, and 0.1 of 28 pixels is enough to move. */
const modelDefaults = {
  classic: { ...photographs, imageSize: "64", smallestSide: 8 },
  digits: {
    imageSize: "28",
    smallestSide: 8,
    batchSize: 256,
    epochs: 5,
    learningRate: 2e-3,
    schedule: "cosine",
    dropout: 0.5,
    rotationRange: 10,
    shearRange: 0,
    horizontalFlip: false,
  },
  "mobilenet-v2": residual,
  "resnet-18": residual,
} as const;

/** Of every model: three poolings by two need eight pixels. */
const smallestSide = 8;
const largestSide = 4096;

/** Errors: USAGE, one sentence. */
export function buildSpec(flags: RunFlags, manifest: Manifest, runId: string): RunSpec {
  checkClasses(manifest);
  const classes = classesOf(flags.classes, manifest);
  checkDependentFlags(flags);
  const defaults = modelDefaults[flags.model];
  const batchSize = flags.batchSize ?? defaults.batchSize;
  const spec: RunSpec = {
    format: "trainyard-run/1",
    run: checkRunName(runId),
    dataset: { name: manifest.name, hash: manifest.hash },
    classes,
    image: imageOf(flags, manifest),
    model: {
      name: flags.model,
      dropout: flags.dropout ?? defaults.dropout,
      batchNormMomentum: flags.batchNormMomentum,
      l2: flags.l2,
    },
    optimizer: {
      learningRate: flags.learningRate ?? defaults.learningRate,
      schedule: flags.schedule ?? defaults.schedule,
      beta1: flags.beta1,
      beta2: flags.beta2,
      epsilon: flags.epsilon,
      clipNorm: flags.clipNorm ?? null,
    },
    augmentation: augmentationOf(flags),
    epochs: flags.epochs ?? defaults.epochs,
    batchSize,
    lanes: chooseLanes(batchSize, flags.accumulate, flags.lanes),
    accumulation: flags.accumulate,
    localSteps: localStepsOf(flags),
    shuffleShards: flags.shuffleShards,
    seed: flags.seed,
    classWeights: classWeightsOf(flags.classWeight, classes, manifest),
    labelSmoothing: flags.labelSmoothing,
    ...endingOf(flags),
    ...faultsOf(flags),
    wire: flags.wire,
    engine: { intraOpThreads: flags.threads, oneDnn: flags.oneDnn, compute: flags.compute },
    allowMixed: flags.allowMixed,
  };
  return RunSpec.parse(spec);
}

const refuse = (sentence: string) => new TrainyardError("USAGE", sentence);
const quoted = (names: readonly string[]) => names.map((name) => JSON.stringify(name)).join(", ");

function checkClasses(manifest: Manifest): void {
  const { name, classes } = manifest;
  if (classes.length < 2) {
    throw refuse(`the data set ${name} has only the class ${quoted(classes)}; training needs at least two`);
  }
  const empty = classes.filter((_, index) => (manifest.counts.train[index] ?? 0) === 0);
  if (empty.length > 0) {
    throw refuse(`no training images in ${quoted(empty)}; add some or import ${name} again without it`);
  }
}

/** The run's label order: the data set's, or all of its classes in the order asked for. */
function classesOf(asked: readonly string[] | undefined, { name, classes }: Manifest): string[] {
  if (asked === undefined) return [...classes];
  const unknown = asked.find((item) => !classes.includes(item));
  if (unknown !== undefined) {
    throw refuse(`--classes: ${name} has no class ${JSON.stringify(unknown)}${suggestion(unknown, classes)}`);
  }
  if (new Set(asked).size < asked.length) throw refuse("--classes names a class more than once");
  const missing = classes.filter((item) => !asked.includes(item));
  if (missing.length === 0) return [...asked];
  throw refuse(
    `--classes must name all classes of ${name}, and lacks ${quoted(missing)}; to leave one out, import again with --classes ${asked.join(",")}`,
  );
}

/** A flag that would change nothing is a mistake, not a wish. */
function checkDependentFlags(flags: RunFlags): void {
  const needs = (isGiven: boolean, flag: string, other: string) => {
    if (isGiven) throw refuse(`--${flag} does nothing without ${other}`);
  };
  const hasPlateau = flags.reduceOnPlateau !== undefined;
  needs(!hasPlateau && flags.plateauPatience !== undefined, "plateau-patience", "--reduce-on-plateau");
  needs(!hasPlateau && flags.minLearningRate !== undefined, "min-learning-rate", "--reduce-on-plateau");
  needs(
    !hasPlateau && flags.patience === undefined && flags.minDelta !== undefined,
    "min-delta",
    "--patience or --reduce-on-plateau",
  );
  needs(flags.localSteps === undefined && flags.localLr !== undefined, "local-lr", "--local-steps");
  needs(flags.cval !== undefined && flags.fillMode !== "constant", "cval", "--fill-mode constant");
}

/** Of 0.001, 0.003, 0.01 and 0.05 the largest at which both sets of photographs train as without local steps. */
const defaultLocalRate = 0.003;

function localStepsOf({ localSteps, localLr }: RunFlags): RunSpec["localSteps"] {
  if (localSteps === undefined) return null;
  return { count: localSteps, learningRate: localLr ?? defaultLocalRate };
}

function imageOf(flags: RunFlags, manifest: Manifest): ImageSpec {
  const defaults = modelDefaults[flags.model];
  const [height, width] = parseImageSize(flags.imageSize ?? defaults.imageSize);
  if (Math.min(height, width) < defaults.smallestSide) {
    throw refuse(
      `--image-size must be at least ${defaults.smallestSide} for the model ${flags.model}, not ${flags.imageSize}`,
    );
  }
  const channels = flags.channels ?? (flags.model === "digits" && manifest.grey ? 1 : 3);
  if (channels !== 1 && channels !== 3)
    throw refuse(`--channels must be 1 (grey) or 3 (colour), not ${channels}`);
  return { height, width, channels, resize: flags.resize, colour: flags.colour };
}

/** `64` or `HEIGHTxWIDTH`, to [height, width]. */
export function parseImageSize(text: string): [number, number] {
  const sides = text.split(/x/i);
  if (sides.length > 2)
    throw refuse(`--image-size must be a number or HEIGHTxWIDTH, not ${JSON.stringify(text)}`);
  const limits = { whole: true, min: smallestSide, max: largestSide };
  const height = parseNumber("image-size", sides[0], limits);
  return [height, sides[1] === undefined ? height : parseNumber("image-size", sides[1], limits)];
}

function augmentationOf(flags: RunFlags): AugmentationSpec {
  const defaults = modelDefaults[flags.model];
  return {
    rotationRange: flags.rotationRange ?? defaults.rotationRange,
    widthShiftRange: flags.widthShiftRange,
    heightShiftRange: flags.heightShiftRange,
    shearRange: flags.shearRange ?? defaults.shearRange,
    zoomRange: flags.zoomRange,
    horizontalFlip: flags.horizontalFlip ?? defaults.horizontalFlip,
    verticalFlip: flags.verticalFlip,
    fillMode: flags.fillMode,
    cval: flags.cval ?? 0,
    brightnessRange: flags.brightnessRange === undefined ? null : brightnessOf(flags.brightnessRange),
    channelShiftRange: flags.channelShiftRange,
  };
}

function brightnessOf(items: readonly string[]): [number, number] {
  const [low, high] = items.map((item) => parseNumber("brightness-range", item, { min: 0 }));
  if (items.length !== 2 || low === undefined || high === undefined || low > high) {
    throw refuse(
      `--brightness-range must be the lowest and the highest factor, as 0.8,1.2; not ${items.join(",")}`,
    );
  }
  return [low, high];
}

/** Parallel to the classes; `balanced` = images / (classes x images of the class), scikit-learn's rule. */
function classWeightsOf(
  items: readonly string[] | undefined,
  classes: readonly string[],
  manifest: Manifest,
): number[] {
  if (items === undefined) return classes.map(() => 1);
  if (items.length === 1 && items[0] === "balanced") {
    const counts = manifest.counts.train;
    const total = counts.reduce((sum, count) => sum + count, 0);
    const images = (name: string) => counts[manifest.classes.indexOf(name)] ?? 0;
    return classes.map((name) => total / (classes.length * images(name)));
  }
  const given = new Map(items.map((item) => parseClassWeight(item, manifest)));
  if (given.size < items.length) throw refuse("--class-weight names a class more than once");
  return classes.map((name) => given.get(name) ?? 1);
}

function parseClassWeight(item: string, manifest: Manifest): [string, number] {
  const at = item.lastIndexOf("=");
  if (at < 1) throw refuse(`--class-weight must be CLASS=WEIGHT or balanced, not ${JSON.stringify(item)}`);
  const name = item.slice(0, at);
  if (!manifest.classes.includes(name)) {
    const near = suggestion(name, manifest.classes);
    throw refuse(`--class-weight: ${manifest.name} has no class ${JSON.stringify(name)}${near}`);
  }
  return [name, parseNumber("class-weight", item.slice(at + 1), { above: 0 })];
}

function endingOf(flags: RunFlags): Pick<RunSpec, "earlyStopping" | "plateau" | "exportWeights"> {
  const { patience, reduceOnPlateau, minDelta } = flags;
  return {
    earlyStopping: patience === undefined ? null : { patience, minDelta: minDelta ?? 0 },
    plateau:
      reduceOnPlateau === undefined
        ? null
        : {
            factor: reduceOnPlateau,
            patience: flags.plateauPatience ?? 10,
            minDelta: minDelta ?? 1e-4,
            minLearningRate: flags.minLearningRate ?? 0,
          },
    exportWeights: flags.exportWeights ?? (patience === undefined ? "last" : "best"),
  };
}

/** What the user should read before the run starts: lanes and what they allow, and how rarely weights are exchanged. */
export function explainLanes(spec: RunSpec): string {
  const lanes =
    spec.lanes === 1
      ? "1 lane: one worker computes"
      : `${spec.lanes} lanes: at most ${spec.lanes} workers compute`;
  const calls = spec.accumulation === 1 ? "" : `, ${spec.accumulation} to a gradient`;
  const micro = `micro-batches of ${microBatchSize(spec)}${calls}`;
  const largeEnough = 128 * spec.accumulation;
  const more = spec.lanes < 8 && spec.batchSize < largeEnough ? `; --batch-size ${largeEnough} gives 8` : "";
  return `${lanes} at a time, ${micro}${exchangeInWords(spec)}${more}`;
}

function exchangeInWords({ localSteps, batchSize }: RunSpec): string {
  if (localSteps === null) return "";
  const { count, learningRate } = localSteps;
  const steps = count === 1 ? "each local step" : `${count} local steps`;
  return `; weights are exchanged after ${steps} of SGD ${learningRate} (${count * batchSize} images)`;
}
