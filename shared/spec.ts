/**
 * The run spec: everything that decides a run's bits, chosen at submission and stored as
 * `runs/<run>/spec.json`. Nothing in it depends on how many workers there will be.
 */
import { z } from "zod";
import { limits } from "./limits.js";

/** As Keras' ImageDataGenerator names them; ranges in Keras' units (see engine/augmentation). */
export const AugmentationSpec = z.object({
  /** Degrees: angle drawn from [-r, r]. */
  rotationRange: z.number().min(0).max(180),
  /** Fraction of the width (< 1). Drawn from [-s, s]. */
  widthShiftRange: z.number().min(0).max(1),
  heightShiftRange: z.number().min(0).max(1),
  /** Degrees, counter-clockwise: drawn from [-s, s]. */
  shearRange: z.number().min(0).max(90),
  /** Zoom drawn from [1 - z, 1 + z], each axis on its own. */
  zoomRange: z.number().min(0).max(0.99),
  horizontalFlip: z.boolean(),
  verticalFlip: z.boolean(),
  fillMode: z.enum(["nearest", "constant", "reflect", "wrap"]),
  /** Fill value for `constant`, 0 to 255. */
  cval: z.number().min(0).max(255),
  /** Brightness factor drawn from [low, high]; null = off. */
  brightnessRange: z.tuple([z.number().min(0), z.number().min(0)]).nullable(),
  /** Added to each channel, drawn from [-r, r] in 0..255 units; 0 = off. */
  channelShiftRange: z.number().min(0).max(255),
});
export type AugmentationSpec = z.infer<typeof AugmentationSpec>;

/** How a decoded picture becomes the model's input. Stored with the model. */
export const ImageSpec = z.object({
  height: z.number().int().min(1).max(4096),
  width: z.number().int().min(1).max(4096),
  channels: z.union([z.literal(1), z.literal(3)]),
  resize: z.enum(["nearest", "area", "bilinear"]),
  colour: z.enum(["srgb", "as-stored"]),
});
export type ImageSpec = z.infer<typeof ImageSpec>;

/** Of one picture as the model takes it: uint8 [height, width, channels]. */
export const imageBytesOf = ({ height, width, channels }: ImageSpec) => height * width * channels;

export const ModelSpec = z.object({
  name: z.enum(["classic", "digits", "mobilenet-v2", "resnet-18"]),
  dropout: z.number().min(0).max(0.95),
  batchNormMomentum: z.number().min(0).max(0.9999),
  /** L2 factor on every kernel; 0 = none. Keras: loss += l2 * sum(w^2). */
  l2: z.number().min(0),
});
export type ModelSpec = z.infer<typeof ModelSpec>;

export const OptimizerSpec = z.object({
  learningRate: z.number().positive(),
  beta1: z.number().min(0).max(0.99999),
  beta2: z.number().min(0).max(0.99999),
  epsilon: z.number().positive(),
  /** Factor on the learning rate by step: always 1, or half a cosine from 1 to 0 over the run's steps. */
  schedule: z.enum(["constant", "cosine"]),
  /** Keras' global_clipnorm: the averaged gradient is shortened to this Euclidean norm; null = never. */
  clipNorm: z.number().positive().nullable().default(null),
});
export type OptimizerSpec = z.infer<typeof OptimizerSpec>;

/** Local SGD in every lane: see worker/local-steps. */
export const LocalSteps = z.object({
  /** Between two exchanges of weights. Each takes a global batch of its own. */
  count: z.number().int().min(1).max(limits.localSteps),
  /** Of plain SGD, constant over the run. */
  learningRate: z.number().positive(),
});
export type LocalSteps = z.infer<typeof LocalSteps>;

export const RunSpec = z.object({
  format: z.literal("trainyard-run/1"),
  run: z.string(),
  dataset: z.object({ name: z.string(), hash: z.string() }),
  /** In label order; two classes = one sigmoid unit, more = softmax. */
  classes: z.array(z.string()).min(2),
  image: ImageSpec,
  model: ModelSpec,
  optimizer: OptimizerSpec,
  augmentation: AugmentationSpec,
  epochs: z.number().int().min(1),
  /**
   * Global batch: lanes x accumulation x micro-batch. A step takes one of them, or one for each of its local steps.
   */
  batchSize: z.number().int().min(1),
  lanes: z.number().int().min(1).max(limits.lanes),
  /** Engine calls whose gradients a lane adds, in order, to one. */
  accumulation: z.number().int().min(1),
  /** Null: a lane's part of a step is its gradient. Else how far it went in steps of its own. */
  localSteps: LocalSteps.nullable().default(null),
  shuffleShards: z.number().int().min(1),
  /** Unsigned 32 bit. */
  seed: z.number().int().min(0).max(0xffffffff),
  /** Parallel to `classes`; 1 = no weighting. */
  classWeights: z.array(z.number().positive()),
  labelSmoothing: z.number().min(0).max(0.99),
  /** Stop after this many epochs without a lower validation loss; null = never. */
  earlyStopping: z.object({ patience: z.number().int().min(1), minDelta: z.number().min(0) }).nullable(),
  plateau: z
    .object({
      factor: z.number().min(0).max(0.999),
      patience: z.number().int().min(1),
      minDelta: z.number().min(0),
      minLearningRate: z.number().min(0),
    })
    .nullable(),
  /** Which weights leave the run: those of the last epoch, or of the lowest validation loss. */
  exportWeights: z.enum(["last", "best"]),
  checkpoint: z.object({
    keep: z.number().int().min(1),
    /** Besides each epoch's end and every new best; null = not by steps. */
    everySteps: z.number().int().min(1).nullable().default(null),
    /** Seconds since the last one after which a commit is saved; null = not by time. */
    everySeconds: z.number().positive().nullable().default(60),
  }),
  /** Steps whose gradient, loss or statistics are not finite on two machines; `inARow` of them fail the run. */
  nonFinite: z
    .object({ policy: z.enum(["skip", "halt"]), inARow: z.number().int().min(1) })
    .default({ policy: "skip", inARow: 5 }),
  /** Share of the lanes that a second worker computes as well, to be compared. */
  audit: z.number().min(0).max(1).default(0.01),
  /** Share of a split that may be excluded as damaged before the run fails. */
  maxExcluded: z.number().min(0).max(1).default(0.1),
  /**
   * How numbers travel. bfloat16: leaves and nodes of the reduction tree are rounded to it, whoever computes them, and
   * each step starts from weights that were; masters, Adam, evaluation, checkpoints and exports are float32.
   */
  wire: z.enum(["float32", "bfloat16"]).default("float32"),
  engine: z.object({
    intraOpThreads: z.number().int().min(1).max(256),
    oneDnn: z.boolean(),
    /** Of convolutions and matrix products while training; everything else, and evaluation, is float32. */
    compute: z.enum(["float32", "bfloat16"]).default("float32"),
  }),
  allowMixed: z.boolean(),
});
export type RunSpec = z.infer<typeof RunSpec>;

/** Samples that one lane contributes to a full step: of all its engine calls. */
export const samplesPerLane = (spec: Pick<RunSpec, "batchSize" | "lanes" | "localSteps">) =>
  (spec.batchSize / spec.lanes) * (spec.localSteps?.count ?? 1);
/** Engine calls of one lane in a full step. */
export const callsPerLane = (spec: Pick<RunSpec, "accumulation" | "localSteps">) =>
  spec.accumulation * (spec.localSteps?.count ?? 1);
/** Samples of one engine call. */
export const microBatchSize = (spec: Pick<RunSpec, "batchSize" | "lanes" | "accumulation">) =>
  spec.batchSize / (spec.lanes * spec.accumulation);

export const runKey = (run: string, ...path: string[]) => ["runs", run, ...path].join("/");
