/**
 * Every flag that decides a run's bits, with its help, and their type. What stands without a default here depends
 * on the model, the data set or another flag: run-spec.ts fills it in.
 */
import type { Options } from "yargs";
import { limits } from "../shared/limits.js";
import type { AugmentationSpec, ImageSpec, ModelSpec, OptimizerSpec, RunSpec } from "../shared/spec.js";
import { type FaultFlags, faultOptions } from "./fault-options.js";
import { listOption, numberOption } from "./options.js";

/** As parsed. Undefined = not given. */
export interface RunFlags extends FaultFlags {
  run?: string | undefined;
  model: ModelSpec["name"];
  imageSize?: string | undefined;
  channels?: number | undefined;
  resize: ImageSpec["resize"];
  colour: ImageSpec["colour"];
  classes?: string[] | undefined;
  dropout?: number | undefined;
  batchNormMomentum: number;
  l2: number;
  batchSize?: number | undefined;
  epochs?: number | undefined;
  learningRate?: number | undefined;
  schedule?: OptimizerSpec["schedule"] | undefined;
  beta1: number;
  beta2: number;
  epsilon: number;
  clipNorm?: number | undefined;
  labelSmoothing: number;
  classWeight?: string[] | undefined;
  rotationRange?: number | undefined;
  widthShiftRange: number;
  heightShiftRange: number;
  shearRange?: number | undefined;
  zoomRange: number;
  horizontalFlip?: boolean | undefined;
  verticalFlip: boolean;
  fillMode: AugmentationSpec["fillMode"];
  cval?: number | undefined;
  brightnessRange?: string[] | undefined;
  channelShiftRange: number;
  seed: number;
  lanes?: number | undefined;
  accumulate: number;
  localSteps?: number | undefined;
  localLr?: number | undefined;
  shuffleShards: number;
  wire: RunSpec["wire"];
  threads: number;
  oneDnn: boolean;
  compute: RunSpec["engine"]["compute"];
  allowMixed: boolean;
  patience?: number | undefined;
  minDelta?: number | undefined;
  reduceOnPlateau?: number | undefined;
  plateauPatience?: number | undefined;
  minLearningRate?: number | undefined;
  exportWeights?: RunSpec["exportWeights"] | undefined;
}

const inputs = "Model and input:";
const optimisation = "Optimisation:";
const augmentation = "Augmentation (Keras ImageDataGenerator's names and units):";
const order = "Order and sameness:";
const ending = "Ending:";

export const runOptions = {
  run: {
    type: "string",
    requiresArg: true,
    describe: "Name of the run (default: the data set, the time and four digits)",
  },
  model: {
    choices: ["classic", "digits", "mobilenet-v2", "resnet-18"] as const,
    default: "classic" as const,
    requiresArg: true,
    describe:
      "classic: three convolutions and two dense layers; digits: a smaller one; MobileNetV2 and ResNet-18 as published",
    group: inputs,
  },
  "image-size": {
    type: "string",
    requiresArg: true,
    describe:
      "Side of the input in pixels, or HEIGHTxWIDTH [default: 64; digits 28; mobilenet-v2, resnet-18 96]",
    group: inputs,
  },
  channels: numberOption(
    "channels",
    { whole: true, min: 1, max: 3 },
    {
      describe: "3 = colour, 1 = grey [default: 3; digits on a grey data set 1]",
      group: inputs,
    },
  ),
  resize: {
    choices: ["nearest", "area", "bilinear"] as const,
    default: "nearest" as const,
    requiresArg: true,
    describe: "Rule that makes pictures the input's size: nearest is Keras' load_img",
    group: inputs,
  },
  colour: {
    choices: ["srgb", "as-stored"] as const,
    default: "srgb" as const,
    requiresArg: true,
    describe: "srgb follows colour profiles; as-stored gives PIL's pixels",
    group: inputs,
  },
  classes: listOption({
    describe: "All classes in label order [default: as stored at import]",
    group: inputs,
  }),
  dropout: numberOption(
    "dropout",
    { min: 0, max: 0.95 },
    {
      describe:
        "Share of what the last dense layer takes that is dropped while training [default: 0.5; mobilenet-v2, resnet-18 0.2]",
      group: inputs,
    },
  ),
  "batch-norm-momentum": numberOption(
    "batch-norm-momentum",
    { min: 0, max: 0.9999 },
    {
      default: 0.9,
      describe: "How slowly the moving statistics follow",
      group: inputs,
    },
  ),
  l2: numberOption(
    "l2",
    { min: 0 },
    {
      default: 0,
      describe: "L2 factor on every kernel",
      group: inputs,
    },
  ),
  "batch-size": numberOption(
    "batch-size",
    { whole: true, min: 1 },
    {
      describe:
        "Images per step over all workers; with --local-steps per local step [default: 32; digits 256]",
      group: optimisation,
    },
  ),
  epochs: numberOption(
    "epochs",
    { whole: true, min: 1 },
    {
      describe: "Passes over the training images [default: 25; digits 5]",
      group: optimisation,
    },
  ),
  "learning-rate": numberOption(
    "learning-rate",
    { above: 0 },
    {
      describe: "Adam's learning rate [default: 1e-3; digits 2e-3]",
      group: optimisation,
    },
  ),
  schedule: {
    choices: ["constant", "cosine"] as const,
    requiresArg: true,
    describe:
      "Learning rate over the run's steps: as given, or half a cosine down to 0 [default: constant; digits cosine]",
    group: optimisation,
  },
  "beta-1": numberOption(
    "beta-1",
    { min: 0, max: 0.99999 },
    {
      default: 0.9,
      describe: "Adam's decay of the mean",
      group: optimisation,
    },
  ),
  "beta-2": numberOption(
    "beta-2",
    { min: 0, max: 0.99999 },
    {
      default: 0.999,
      describe: "Adam's decay of the square",
      group: optimisation,
    },
  ),
  epsilon: numberOption(
    "epsilon",
    { above: 0 },
    {
      default: 1e-7,
      describe: "Adam's epsilon, outside the corrected root as in Keras",
      group: optimisation,
    },
  ),
  "clip-norm": numberOption(
    "clip-norm",
    { above: 0 },
    {
      describe:
        "Shortens the averaged gradient (of --local-steps the mean way) to this norm: Keras' global_clipnorm [default: never]",
      group: optimisation,
    },
  ),
  "label-smoothing": numberOption(
    "label-smoothing",
    { min: 0, max: 0.99 },
    {
      default: 0,
      describe: "Share of each label given to all classes",
      group: optimisation,
    },
  ),
  "class-weight": listOption({
    describe: "CLASS=WEIGHT for some classes, or balanced",
    group: optimisation,
  }),
  "rotation-range": numberOption(
    "rotation-range",
    { min: 0, max: 180 },
    {
      describe: "Degrees, either way [default: 20; digits 10]",
      group: augmentation,
    },
  ),
  "width-shift-range": numberOption(
    "width-shift-range",
    { min: 0, max: 1 },
    {
      default: 0.1,
      describe: "Share of the width, either way",
      group: augmentation,
    },
  ),
  "height-shift-range": numberOption(
    "height-shift-range",
    { min: 0, max: 1 },
    {
      default: 0.1,
      describe: "Share of the height, either way",
      group: augmentation,
    },
  ),
  "shear-range": numberOption(
    "shear-range",
    { min: 0, max: 90 },
    {
      describe: "Degrees, either way [default: 5; digits 0]",
      group: augmentation,
    },
  ),
  "zoom-range": numberOption(
    "zoom-range",
    { min: 0, max: 0.99 },
    {
      default: 0.1,
      describe: "Each axis by 1 - z to 1 + z",
      group: augmentation,
    },
  ),
  "horizontal-flip": {
    type: "boolean",
    describe: "Mirror left and right, half of the time; --no-horizontal-flip [default: true; digits false]",
    group: augmentation,
  },
  "vertical-flip": {
    type: "boolean",
    default: false,
    describe: "Mirror top and bottom, half of the time",
    group: augmentation,
  },
  "fill-mode": {
    choices: ["nearest", "constant", "reflect", "wrap"] as const,
    default: "nearest" as const,
    requiresArg: true,
    describe: "What appears at the borders",
    group: augmentation,
  },
  cval: numberOption(
    "cval",
    { min: 0, max: 255 },
    {
      describe: "Value of --fill-mode constant [default: 0]",
      group: augmentation,
    },
  ),
  "brightness-range": listOption({
    describe: "Lowest and highest factor, for instance 0.8,1.2 [default: off]",
    group: augmentation,
  }),
  "channel-shift-range": numberOption(
    "channel-shift-range",
    { min: 0, max: 255 },
    {
      default: 0,
      describe: "Added to the pixels, either way; 0 = off",
      group: augmentation,
    },
  ),
  seed: numberOption(
    "seed",
    { whole: true, min: 0, max: 0xffffffff },
    {
      default: 0,
      describe: "Decides weights, order, augmentation and dropout",
      group: order,
    },
  ),
  lanes: numberOption(
    "lanes",
    { whole: true, min: 1, max: limits.lanes },
    {
      describe:
        "Parts of every batch: at most so many workers compute at a time [default: by the batch size]",
      group: order,
    },
  ),
  accumulate: numberOption(
    "accumulate",
    { whole: true, min: 1 },
    {
      default: 1,
      describe:
        "Engine calls per lane and step, whose gradients are added: larger batches in the same memory",
      group: order,
    },
  ),
  "local-steps": numberOption(
    "local-steps",
    { whole: true, min: 1, max: limits.localSteps },
    {
      describe:
        "Local SGD, for slow links: every lane makes so many steps of its own, each on its part of a --batch-size, before weights are exchanged; Adam takes the mean of how far they went for a gradient [default: off]",
      group: order,
    },
  ),
  "local-lr": numberOption(
    "local-lr",
    { above: 0 },
    {
      describe: "Learning rate of --local-steps, plain SGD [default: 0.003]",
      group: order,
    },
  ),
  "shuffle-shards": numberOption(
    "shuffle-shards",
    { whole: true, min: 1 },
    {
      default: 8,
      describe: "Shards that are mixed with one another",
      group: order,
    },
  ),
  wire: {
    choices: ["float32", "bfloat16"] as const,
    default: "float32" as const,
    requiresArg: true,
    describe:
      "Gradients and weights on their way: bfloat16 is half the bytes, every sum rounded to it; Adam, evaluation and what is saved stay float32",
    group: optimisation,
  },
  threads: numberOption(
    "threads",
    { whole: true, min: 1, max: 256 },
    {
      default: 1,
      describe: "TensorFlow's threads per operation, part of what decides the bits",
      group: order,
    },
  ),
  "one-dnn": {
    type: "boolean",
    default: process.env["TF_ENABLE_ONEDNN_OPTS"] !== "0",
    describe: "oneDNN kernels, faster; --no-one-dnn",
    group: order,
  },
  compute: {
    choices: ["float32", "bfloat16"] as const,
    default: "float32" as const,
    requiresArg: true,
    describe:
      "Of convolutions and matrix products while training: bfloat16 is faster where the machine has it, and less exact",
    group: order,
  },
  "allow-mixed": {
    type: "boolean",
    default: false,
    describe: "Take workers of another kind: every sample still once, but not the same bits",
    group: order,
  },
  patience: numberOption(
    "patience",
    { whole: true, min: 1 },
    {
      describe: "Stop after so many epochs without a lower validation loss [default: never]",
      group: ending,
    },
  ),
  "min-delta": numberOption(
    "min-delta",
    { min: 0 },
    {
      describe: "What counts as lower [default: 0; for --reduce-on-plateau 0.0001]",
      group: ending,
    },
  ),
  "reduce-on-plateau": numberOption(
    "reduce-on-plateau",
    { min: 0, max: 0.999 },
    {
      describe: "Factor on the learning rate when the validation loss stands still [default: never]",
      group: ending,
    },
  ),
  "plateau-patience": numberOption(
    "plateau-patience",
    { whole: true, min: 1 },
    {
      describe: "Epochs that count as standing still [default: 10]",
      group: ending,
    },
  ),
  "min-learning-rate": numberOption(
    "min-learning-rate",
    { min: 0 },
    {
      describe: "--reduce-on-plateau goes no lower [default: 0]",
      group: ending,
    },
  ),
  "export-weights": {
    choices: ["last", "best"] as const,
    requiresArg: true,
    describe: "Which weights are exported [default: last; best with --patience]",
    group: ending,
  },
  ...faultOptions,
} as const satisfies Record<string, Options>;
