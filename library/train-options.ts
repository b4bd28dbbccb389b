/** Made from the table in shared/settings/ by `npm run build:pages`; a test compares. */

/** The settings of `train`, with the names of the command line's options in camel case. */
export interface TrainSettings {
  /** Name of an imported data set. Text. */
  readonly dataset?: string | undefined;
  /** Worker processes on this machine. Whole number, at least 1 and at most 64; default: 2. */
  readonly workers?: number | undefined;
  /** Reducer threads; never changes a bit. Whole number, at least 1 and at most 64; default: 1. */
  readonly reducers?: number | undefined;
  /** Compute on the GPU, on the CPU, or on a GPU where TensorFlow can use one (auto). One of auto, cpu, gpu; default: auto. */
  readonly device?: "auto" | "cpu" | "gpu" | undefined;
  /** Memory of a worker for decoded images: epochs after the first then decode nothing. Bytes; default: 1GiB. */
  readonly imageCacheMemory?: number | undefined;
  /** Disk of a worker for decoded images that memory has no room for, in the user's cache folder, while 2 GiB there stay free; 0 = none. Bytes; default: 4GiB. */
  readonly imageCacheDisk?: number | undefined;
  /** Send spans to the OTLP/HTTP collector at this URL, as http://127.0.0.1:4318. An http or https URL like http://127.0.0.1:4318; default: none. */
  readonly trace?: string | undefined;
  /** Share of the steps that are traced; the run's name and the step's number decide which. Number, at least 0 and at most 1 (share); default: 0.01. */
  readonly traceRatio?: number | undefined;
  /** Go on with this run from its newest whole checkpoint (a name, the beginning of it, or latest). Text. */
  readonly resume?: string | undefined;
  /** Name of the run. Text; default: the data set, the time and four digits. */
  readonly run?: string | undefined;
  /** classic: three convolutions and two dense layers; digits: a smaller one; MobileNetV2 and ResNet-18 as published. One of classic, digits, mobilenet-v2, resnet-18; default: classic. */
  readonly model?: "classic" | "digits" | "mobilenet-v2" | "resnet-18" | undefined;
  /** Side of the model's input, or HEIGHTxWIDTH; mobilenet-v2 and resnet-18 need at least 32. Whole number or HEIGHTxWIDTH, each at least 8 and at most 4096 (pixels); default: 64; digits 28; mobilenet-v2, resnet-18 96. */
  readonly imageSize?: number | string | undefined;
  /** 3 = colour, 1 = grey. Whole number, at least 1 and at most 3; default: 3; digits on a grey data set 1. */
  readonly channels?: number | undefined;
  /** How images are brought to the input's size: nearest is Keras' load_img. One of nearest, area, bilinear; default: nearest. */
  readonly resize?: "nearest" | "area" | "bilinear" | undefined;
  /** srgb follows colour profiles; as-stored gives PIL's pixels. One of srgb, as-stored; default: srgb. */
  readonly colour?: "srgb" | "as-stored" | undefined;
  /** All classes in label order. List of texts; default: as stored at import. */
  readonly classes?: readonly string[] | undefined;
  /** Share of the last dense layer's input that is dropped while training. Number, at least 0 and at most 0.95 (share); default: 0.5; mobilenet-v2, resnet-18 0.2. */
  readonly dropout?: number | undefined;
  /** How slowly the moving statistics of batch normalisation follow. Number, at least 0 and at most 0.9999; default: 0.9. */
  readonly batchNormMomentum?: number | undefined;
  /** L2 factor on every kernel: the loss grows by l2 times the sum of the squared weights. Number, at least 0; default: 0. */
  readonly l2?: number | undefined;
  /** Images per step over all workers; with --local-steps per local step. Whole number, at least 1 (images); default: 32; digits 256. */
  readonly batchSize?: number | undefined;
  /** Passes over the training images. Whole number, at least 1 (epochs); default: 25; digits 5. */
  readonly epochs?: number | undefined;
  /** How gradients change the weights: Adam, or SGD with momentum, both as Keras defines them. One of adam, sgd; default: adam. */
  readonly optimizer?: "adam" | "sgd" | undefined;
  /** The optimizer's learning rate. Number, above 0; default: 0.001; digits 0.002; with --optimizer sgd 0.01. */
  readonly learningRate?: number | undefined;
  /** Learning rate over the run's steps: as given, or half a cosine down to 0. One of constant, cosine; default: constant; digits cosine. */
  readonly schedule?: "constant" | "cosine" | undefined;
  /** Adam's decay of the mean. Number, at least 0 and at most 0.99999; default: 0.9. */
  readonly beta1?: number | undefined;
  /** Adam's decay of the square. Number, at least 0 and at most 0.99999; default: 0.999. */
  readonly beta2?: number | undefined;
  /** Adam's epsilon, outside the corrected root as in Keras. Number, above 0; default: 1e-7. */
  readonly epsilon?: number | undefined;
  /** SGD's momentum: the share of the last update that the next one keeps. Number, at least 0 and below 1; default: 0. */
  readonly momentum?: number | undefined;
  /** SGD with Nesterov's momentum. True or false; default: false. */
  readonly nesterov?: boolean | undefined;
  /** Shortens the averaged gradient (with --local-steps the averaged difference of the weights) to this norm: Keras' global_clipnorm. Number, above 0; default: never. */
  readonly clipNorm?: number | undefined;
  /** Share of each label that is spread over all classes. Number, at least 0 and at most 0.99 (share); default: 0. */
  readonly labelSmoothing?: number | undefined;
  /** CLASS=WEIGHT for some classes, or balanced. List of texts; default: 1 for every class. */
  readonly classWeight?: readonly string[] | undefined;
  /** Format of gradients and weights between machines: bfloat16 halves the bytes and rounds every sum; the optimizer, evaluation and what is saved stay float32. One of float32, bfloat16; default: float32. */
  readonly wire?: "float32" | "bfloat16" | undefined;
  /** Degrees, either way. Number, at least 0 and at most 180 (degrees); default: 20; digits 10. */
  readonly rotationRange?: number | undefined;
  /** Share of the width, either way. Number, at least 0 and at most 1 (share); default: 0.1. */
  readonly widthShiftRange?: number | undefined;
  /** Share of the height, either way. Number, at least 0 and at most 1 (share); default: 0.1. */
  readonly heightShiftRange?: number | undefined;
  /** Degrees, either way. Number, at least 0 and at most 90 (degrees); default: 5; digits 0. */
  readonly shearRange?: number | undefined;
  /** Each axis by 1 - z to 1 + z. Number, at least 0 and at most 0.99; default: 0.1. */
  readonly zoomRange?: number | undefined;
  /** Mirror left and right, half of the time; --no-horizontal-flip. True or false; default: true; digits false. */
  readonly horizontalFlip?: boolean | undefined;
  /** Mirror top and bottom, half of the time. True or false; default: false. */
  readonly verticalFlip?: boolean | undefined;
  /** What appears at the borders. One of nearest, constant, reflect, wrap; default: nearest. */
  readonly fillMode?: "nearest" | "constant" | "reflect" | "wrap" | undefined;
  /** Value of --fill-mode constant. Number, at least 0 and at most 255; default: 0. */
  readonly cval?: number | undefined;
  /** Lowest and highest factor, for instance 0.8,1.2. 2 numbers, each at least 0 and at most 10 (factor); default: off. */
  readonly brightnessRange?: readonly number[] | undefined;
  /** Added to the pixels, either way; 0 = off. Number, at least 0 and at most 255; default: 0. */
  readonly channelShiftRange?: number | undefined;
  /** Decides initial weights, order, augmentation and dropout. Whole number, at least 0 and at most 4294967295; default: 0. */
  readonly seed?: number | undefined;
  /** Parts of every batch: at most so many workers compute at a time. Whole number, at least 1 and at most 4096; default: by the batch size. */
  readonly lanes?: number | undefined;
  /** Engine calls per lane and step, whose gradients are added: larger batches in the same memory. Whole number, at least 1; default: 1. */
  readonly accumulate?: number | undefined;
  /** Local SGD, for slow links: every lane makes so many steps of its own, each on its part of a --batch-size, before weights are exchanged; the optimizer takes the mean difference of the weights as its gradient. Whole number, at least 1 and at most 1000 (steps); default: off. */
  readonly localSteps?: number | undefined;
  /** Learning rate of --local-steps, plain SGD. Number, above 0; default: 0.003. */
  readonly localLr?: number | undefined;
  /** Shards that are shuffled together. Whole number, at least 1 (shards); default: 8. */
  readonly shuffleShards?: number | undefined;
  /** TensorFlow's threads per operation, part of what decides the bits. Whole number, at least 1 and at most 256; default: 1. */
  readonly threads?: number | undefined;
  /** Use oneDNN kernels, which are faster; --no-one-dnn. True or false; default: true. */
  readonly oneDnn?: boolean | undefined;
  /** Format of convolutions and matrix products while training: bfloat16 is faster where the machine has it, and less exact. One of float32, bfloat16; default: float32. */
  readonly compute?: "float32" | "bfloat16" | undefined;
  /** Take workers of another kind: every sample still once, but not the same bits. True or false; default: false. */
  readonly allowMixed?: boolean | undefined;
  /** Early stopping: end the run after so many epochs without a lower validation loss. Whole number, at least 1 (epochs); default: never. */
  readonly patience?: number | undefined;
  /** By how much the validation loss must fall to count as lower. Number, at least 0; default: 0; for --reduce-on-plateau 0.0001. */
  readonly minDelta?: number | undefined;
  /** Factor on the learning rate when the validation loss stands still. Number, at least 0 and at most 0.999 (factor); default: never. */
  readonly reduceOnPlateau?: number | undefined;
  /** Epochs without a lower validation loss after which --reduce-on-plateau acts. Whole number, at least 1 (epochs); default: 10. */
  readonly plateauPatience?: number | undefined;
  /** --reduce-on-plateau goes no lower. Number, at least 0; default: 0. */
  readonly minLearningRate?: number | undefined;
  /** Which weights are exported. One of last, best; default: last; best with --patience. */
  readonly exportWeights?: "last" | "best" | undefined;
  /** Checkpoints kept, besides the best. Whole number, at least 1; default: 3. */
  readonly keepCheckpoints?: number | undefined;
  /** Also one every so many steps. Whole number, at least 1 (steps); default: by time only. */
  readonly checkpointSteps?: number | undefined;
  /** Also one so many seconds after the last; 0 = none by time. Number, at least 0 (seconds); default: 60. */
  readonly checkpointSeconds?: number | undefined;
  /** A step with NaN or infinity, on a second machine too: leave it out, or end the run. One of skip, halt; default: skip. */
  readonly onNonfinite?: "skip" | "halt" | undefined;
  /** So many steps left out in a row end the run. Whole number, at least 1 (steps); default: 5. */
  readonly nonfiniteLimit?: number | undefined;
  /** Share of the work that a second worker computes, to be compared. Number, at least 0 and at most 1 (share); default: 0.01. */
  readonly audit?: number | undefined;
  /** Share of the images that may turn out damaged before the run fails. Number, at least 0 and at most 1 (share); default: 0.1. */
  readonly maxExcluded?: number | undefined;
  /** How much is logged to standard error. One of debug, info, warn, error, silent; default: info. */
  readonly logLevel?: "debug" | "info" | "warn" | "error" | "silent" | undefined;
}
