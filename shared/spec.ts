/**
 * The run spec: everything that decides a run's bits, chosen at submission and stored as
 * `runs/<run>/spec.json`. Nothing in it depends on how many workers there will be. Bounds are those of the settings that
 * users give (shared/settings); a field that a later version added has a default here, so that old specs stay readable.
 */
import { z } from "zod";
import type { Draws } from "./random.js";
import { runSettings as settings } from "./settings/run-settings.js";
import { choiceSchema, numberSchema } from "./settings/schema.js";

/** Names as Keras' ImageDataGenerator has them, ranges in Keras' units (see engine/augmentation). */
export const AugmentationSpec = z.object({
  /** Degrees: angle drawn from [-r, r]. */
  rotationRange: numberSchema(settings["rotation-range"]),
  /** Fraction of the width (< 1). Drawn from [-s, s]. */
  widthShiftRange: numberSchema(settings["width-shift-range"]),
  heightShiftRange: numberSchema(settings["height-shift-range"]),
  /** Degrees, counter-clockwise: drawn from [-s, s]. */
  shearRange: numberSchema(settings["shear-range"]),
  /** Zoom drawn from [1 - z, 1 + z], each axis on its own. */
  zoomRange: numberSchema(settings["zoom-range"]),
  horizontalFlip: z.boolean(),
  verticalFlip: z.boolean(),
  fillMode: choiceSchema(settings["fill-mode"]),
  /** Fill value for `constant`, 0 to 255. */
  cval: numberSchema(settings.cval),
  /** Brightness factor drawn from [low, high]; null = off. Specs of earlier versions may exceed the flag's upper bound. */
  brightnessRange: z.tuple([z.number().min(0), z.number().min(0)]).nullable(),
  /** Added to each channel, drawn from [-r, r] in 0..255 units; 0 = off. */
  channelShiftRange: numberSchema(settings["channel-shift-range"]),
});
export type AugmentationSpec = z.infer<typeof AugmentationSpec>;

const side = z.number().int().min(1).max(settings["image-size"].max);

/** How a decoded image becomes the model's input. Stored with the model. */
export const ImageSpec = z.object({
  height: side,
  width: side,
  channels: z.union([z.literal(1), z.literal(3)]),
  resize: choiceSchema(settings.resize),
  colour: choiceSchema(settings.colour),
});
export type ImageSpec = z.infer<typeof ImageSpec>;

/** Bytes of one image as the model takes it: uint8 [height, width, channels]. */
export const imageBytesOf = ({ height, width, channels }: ImageSpec) => height * width * channels;

/** The model of a run. */
export const ModelSpec = z.object({
  name: choiceSchema(settings.model),
  dropout: numberSchema(settings.dropout),
  batchNormMomentum: numberSchema(settings["batch-norm-momentum"]),
  /** L2 factor on every kernel; 0 = none. Keras: loss += l2 * sum(w^2). */
  l2: numberSchema(settings.l2),
});
export type ModelSpec = z.infer<typeof ModelSpec>;

/** What every optimizer has. */
const optimizerBase = {
  learningRate: numberSchema(settings["learning-rate"]),
  /** Factor on the learning rate by step: always 1, or half a cosine from 1 to 0 over the run's steps. */
  schedule: choiceSchema(settings.schedule),
  /** Keras' global_clipnorm: the averaged gradient is shortened to this Euclidean norm; null = never. */
  clipNorm: numberSchema(settings["clip-norm"]).nullable().default(null),
};

/** Settings of Adam (coordinator/optimizers/adam). */
export const AdamSpec = z.object({
  name: z.literal("adam"),
  ...optimizerBase,
  beta1: numberSchema(settings["beta-1"]),
  beta2: numberSchema(settings["beta-2"]),
  epsilon: numberSchema(settings.epsilon),
});
export type AdamSpec = z.infer<typeof AdamSpec>;

/** Settings of SGD (coordinator/optimizers/sgd). */
export const SgdSpec = z.object({
  name: z.literal("sgd"),
  ...optimizerBase,
  /** Share of the former velocity that is kept; 0 = plain SGD, which keeps no velocity and ignores `nesterov`. */
  momentum: numberSchema(settings.momentum),
  nesterov: z.boolean(),
});
export type SgdSpec = z.infer<typeof SgdSpec>;

/** The optimizer and its settings. A stored spec without a name was written when Adam was the only one. */
export const OptimizerSpec = z.preprocess(
  (given) =>
    typeof given === "object" && given !== null && !("name" in given) ? { name: "adam", ...given } : given,
  z.discriminatedUnion("name", [AdamSpec, SgdSpec]),
);
export type OptimizerSpec = z.infer<typeof OptimizerSpec>;

/** Local SGD: every lane makes some steps of its own between two exchanges of weights. */
export const LocalSteps = z.object({
  /** Steps between two exchanges of weights. Each takes a global batch of its own. */
  count: numberSchema(settings["local-steps"]),
  /** Learning rate of plain SGD, constant over the run. */
  learningRate: numberSchema(settings["local-lr"]),
});
export type LocalSteps = z.infer<typeof LocalSteps>;

/** Everything that decides the result of a run: spec.json. */
export const RunSpec = z.object({
  /** 1: draws 1. 2: draws 2 (shared/random.ts). Everything else means the same in both. */
  format: z.enum(["trainyard-run/1", "trainyard-run/2"]),
  run: z.string(),
  dataset: z.object({ name: z.string(), hash: z.string() }),
  /** In label order; two classes = one sigmoid unit, more = softmax. */
  classes: z.array(z.string()).min(2),
  image: ImageSpec,
  model: ModelSpec,
  optimizer: OptimizerSpec,
  augmentation: AugmentationSpec,
  epochs: numberSchema(settings.epochs),
  /**
   * Global batch: lanes x accumulation x micro-batch. A step takes one of them, or one for each of its local steps.
   */
  batchSize: numberSchema(settings["batch-size"]),
  lanes: numberSchema(settings.lanes),
  /** Engine calls whose gradients a lane adds, in order, to one. */
  accumulation: numberSchema(settings.accumulate),
  /**
   * Settings of local steps; null when a lane contributes its gradient. With local steps a lane contributes the
   * difference of the weights.
   */
  localSteps: LocalSteps.nullable().default(null),
  shuffleShards: numberSchema(settings["shuffle-shards"]),
  /** Unsigned 32 bit. */
  seed: numberSchema(settings.seed),
  /** Parallel to `classes`; 1 = no weighting. */
  classWeights: z.array(z.number().positive()),
  labelSmoothing: numberSchema(settings["label-smoothing"]),
  /** Stop after this many epochs without a lower validation loss; null = never. */
  earlyStopping: z
    .object({ patience: numberSchema(settings.patience), minDelta: numberSchema(settings["min-delta"]) })
    .nullable(),
  plateau: z
    .object({
      factor: numberSchema(settings["reduce-on-plateau"]),
      patience: numberSchema(settings["plateau-patience"]),
      minDelta: numberSchema(settings["min-delta"]),
      minLearningRate: numberSchema(settings["min-learning-rate"]),
    })
    .nullable(),
  /** Which weights leave the run: those of the last epoch, or of the lowest validation loss. */
  exportWeights: choiceSchema(settings["export-weights"]),
  checkpoint: z.object({
    keep: numberSchema(settings["keep-checkpoints"]),
    /** Besides each epoch's end and every new best; null = not by steps. */
    everySteps: numberSchema(settings["checkpoint-steps"]).nullable().default(null),
    /** Seconds since the last one after which a commit is saved; null = not by time. */
    everySeconds: z.number().positive().nullable().default(60),
  }),
  /** Steps whose gradient, loss or statistics are not finite on two machines; `inARow` of them fail the run. */
  nonFinite: z
    .object({
      policy: choiceSchema(settings["on-nonfinite"]),
      inARow: numberSchema(settings["nonfinite-limit"]),
    })
    .default({ policy: "skip", inARow: 5 }),
  /** Share of the lanes that a second worker computes as well, to be compared. */
  audit: numberSchema(settings.audit).default(0.01),
  /** Share of a split that may be excluded as damaged before the run fails. */
  maxExcluded: numberSchema(settings["max-excluded"]).default(0.1),
  /**
   * Format of gradients and weights on the network. With bfloat16 every leaf and node of the reduction tree is rounded to
   * it, on whatever machine it is computed, and each step starts from rounded weights; master weights, the optimizer,
   * evaluation, checkpoints and exports are float32.
   */
  wire: choiceSchema(settings.wire).default("float32"),
  engine: z.object({
    intraOpThreads: numberSchema(settings.threads),
    oneDnn: z.boolean(),
    /** Format of convolutions and matrix products while training; everything else, and evaluation, is float32. */
    compute: choiceSchema(settings.compute).default("float32"),
  }),
  allowMixed: z.boolean(),
});
export type RunSpec = z.infer<typeof RunSpec>;

/** The format of a new run's spec. */
export const newestRunFormat = "trainyard-run/2" satisfies RunSpec["format"];

/** The draws of a run: order of samples, augmentation, dropout and initial weights. A run keeps those it began with. */
export const drawsOf = ({ format }: Pick<RunSpec, "format">): Draws => (format === "trainyard-run/1" ? 1 : 2);

/** Samples that one lane contributes to a full step: of all its engine calls. */
export const samplesPerLane = (spec: Pick<RunSpec, "batchSize" | "lanes" | "localSteps">) =>
  (spec.batchSize / spec.lanes) * (spec.localSteps?.count ?? 1);
/** Engine calls of one lane in a full step. */
export const callsPerLane = (spec: Pick<RunSpec, "accumulation" | "localSteps">) =>
  spec.accumulation * (spec.localSteps?.count ?? 1);
/** Samples of one engine call. */
export const microBatchSize = (spec: Pick<RunSpec, "batchSize" | "lanes" | "accumulation">) =>
  spec.batchSize / (spec.lanes * spec.accumulation);

/** The key of an object that belongs to a run. */
export const runKey = (run: string, ...path: string[]) => ["runs", run, ...path].join("/");
