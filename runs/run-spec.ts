/**
 * Builds the run spec from a run's settings and a data set: fills in what depends on model and data set, refuses what can't be
 * trained. Pure; each refusal names the flag or class and what would fit.
 */
import type { Manifest } from "../dataset/manifest.js";
import { TrainyardError } from "../shared/errors.js";
import {
  type CompleteRunFlags,
  type RunFlags,
  runSettings,
  withModelDefaults,
} from "../shared/settings/run-settings.js";
import { parseSides } from "../shared/settings/value.js";
import { type AugmentationSpec, type ImageSpec, newestRunFormat, RunSpec } from "../shared/spec.js";
import { chooseLanes } from "./lane-choice.js";
import { checkClasses, classesOf, classWeightsOf } from "./run-classes.js";
import { checkRunName } from "./run-name.js";

const refuse = (sentence: string) => new TrainyardError("USAGE", sentence);

/** Errors: USAGE, one sentence. */
export function buildSpec(given: RunFlags, manifest: Manifest, runId: string): RunSpec {
  checkClasses(manifest);
  const classes = classesOf(given.classes, manifest);
  checkDependentFlags(given);
  const flags = withModelDefaults(given);
  const spec: RunSpec = {
    format: newestRunFormat,
    run: checkRunName(runId),
    dataset: { name: manifest.name, hash: manifest.hash },
    classes,
    image: imageOf(flags, manifest),
    model: modelOf(flags),
    optimizer: optimizerOf(flags),
    augmentation: augmentationOf(flags),
    epochs: flags.epochs,
    batchSize: flags.batchSize,
    lanes: chooseLanes(flags.batchSize, flags.accumulate, flags.lanes),
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

/** A flag that would change nothing is a mistake, not a wish. Errors: USAGE. */
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
  const { optimizer, momentum, nesterov } = flags;
  needs(optimizer !== "adam" && flags.beta1 !== undefined, "beta-1", "--optimizer adam");
  needs(optimizer !== "adam" && flags.beta2 !== undefined, "beta-2", "--optimizer adam");
  needs(optimizer !== "adam" && flags.epsilon !== undefined, "epsilon", "--optimizer adam");
  needs(optimizer !== "sgd" && momentum !== undefined, "momentum", "--optimizer sgd");
  needs(optimizer !== "sgd" && nesterov !== undefined, "nesterov", "--optimizer sgd");
  needs(nesterov === true && (momentum ?? 0) === 0, "nesterov", "--momentum");
  needs(flags.cval !== undefined && flags.fillMode !== "constant", "cval", "--fill-mode constant");
}

const modelOf = (flags: CompleteRunFlags): RunSpec["model"] => ({
  name: flags.model,
  dropout: flags.dropout,
  batchNormMomentum: flags.batchNormMomentum,
  l2: flags.l2,
});

function optimizerOf(flags: CompleteRunFlags): RunSpec["optimizer"] {
  const { learningRate, schedule, clipNorm = null } = flags;
  const base = { learningRate, schedule, clipNorm };
  if (flags.optimizer === "sgd") {
    return {
      name: "sgd",
      ...base,
      momentum: flags.momentum ?? runSettings.momentum.defaultWhenUsed,
      nesterov: flags.nesterov ?? runSettings.nesterov.defaultWhenUsed,
    };
  }
  return {
    name: "adam",
    ...base,
    beta1: flags.beta1 ?? runSettings["beta-1"].defaultWhenUsed,
    beta2: flags.beta2 ?? runSettings["beta-2"].defaultWhenUsed,
    epsilon: flags.epsilon ?? runSettings.epsilon.defaultWhenUsed,
  };
}

function localStepsOf({ localSteps, localLr }: RunFlags): RunSpec["localSteps"] {
  if (localSteps === undefined) return null;
  return { count: localSteps, learningRate: localLr ?? runSettings["local-lr"].defaultWhenUsed };
}

/** The residual models halve images five times. */
const smallestSides: Partial<Record<RunFlags["model"], number>> = { "mobilenet-v2": 32, "resnet-18": 32 };

function imageOf(flags: CompleteRunFlags, manifest: Manifest): ImageSpec {
  const [height, width] = parseImageSize(flags.imageSize);
  const smallest = smallestSides[flags.model] ?? runSettings["image-size"].min;
  if (Math.min(height, width) < smallest) {
    throw refuse(
      `--image-size must be at least ${smallest} for the model ${flags.model}, not ${flags.imageSize}`,
    );
  }
  const channels = flags.channels ?? (flags.model === "digits" && manifest.grey ? 1 : 3);
  if (channels !== 1 && channels !== 3)
    throw refuse(`--channels must be 1 (grey) or 3 (colour), not ${channels}`);
  return { height, width, channels, resize: flags.resize, colour: flags.colour };
}

/** `64` or `HEIGHTxWIDTH`, to [height, width]. Errors: USAGE. */
export const parseImageSize = (text: string): [number, number] =>
  parseSides({ origin: "--image-size", text }, runSettings["image-size"]);

function augmentationOf(flags: CompleteRunFlags): AugmentationSpec {
  const [low, high] = flags.brightnessRange ?? [];
  return {
    rotationRange: flags.rotationRange,
    widthShiftRange: flags.widthShiftRange,
    heightShiftRange: flags.heightShiftRange,
    shearRange: flags.shearRange,
    zoomRange: flags.zoomRange,
    horizontalFlip: flags.horizontalFlip,
    verticalFlip: flags.verticalFlip,
    fillMode: flags.fillMode,
    cval: flags.cval ?? runSettings.cval.defaultWhenUsed,
    brightnessRange: low === undefined || high === undefined ? null : [low, high],
    channelShiftRange: flags.channelShiftRange,
  };
}

/** What counts as a lower loss for --reduce-on-plateau: Keras' min_delta. */
const plateauMinDelta = 1e-4;

function endingOf(flags: RunFlags): Pick<RunSpec, "earlyStopping" | "plateau" | "exportWeights"> {
  const { patience, reduceOnPlateau, minDelta } = flags;
  return {
    earlyStopping: patience === undefined ? null : { patience, minDelta: minDelta ?? 0 },
    plateau: reduceOnPlateau === undefined ? null : plateauOf(reduceOnPlateau, flags),
    exportWeights: flags.exportWeights ?? (patience === undefined ? "last" : "best"),
  };
}

const plateauOf = (factor: number, flags: RunFlags): RunSpec["plateau"] => ({
  factor,
  patience: flags.plateauPatience ?? runSettings["plateau-patience"].defaultWhenUsed,
  minDelta: flags.minDelta ?? plateauMinDelta,
  minLearningRate: flags.minLearningRate ?? runSettings["min-learning-rate"].defaultWhenUsed,
});

/** The spec's value for --checkpoint-seconds: null means no checkpoints by time. */
export const secondsOf = (written: number): number | null => (written === 0 ? null : written);

const faultsOf = (flags: RunFlags): Pick<RunSpec, "checkpoint" | "nonFinite" | "audit" | "maxExcluded"> => ({
  checkpoint: {
    keep: flags.keepCheckpoints,
    everySteps: flags.checkpointSteps ?? null,
    everySeconds: secondsOf(flags.checkpointSeconds),
  },
  nonFinite: { policy: flags.onNonfinite, inARow: flags.nonfiniteLimit },
  audit: flags.audit,
  maxExcluded: flags.maxExcluded,
});
