/**
 * Names that other tools have for our settings, so that a user who types them is led to ours. From Keras, PyTorch and
 * Lightning, Hugging Face, fastai, timm and Ultralytics.
 */
import { nearestName } from "../nearest-name.js";

/** One form of a name for comparison: `batchSize`, `batch_size` and `BATCH-SIZE` are one. */
export const plainName = (name: string) => name.replace(/[-_]/g, "").toLowerCase();

/** Our name, and what it is called elsewhere, in kebab case. */
const foreignNames: Readonly<Record<string, readonly string[]>> = {
  "learning-rate": ["lr", "lr0", "eta", "base-lr", "init-lr", "lr-max", "step-size"],
  "min-learning-rate": ["min-lr", "lrf", "eta-min", "warmup-lr"],
  "batch-size": ["bs", "batch", "train-batch-size", "per-device-train-batch-size", "b"],
  epochs: ["epoch", "n-epochs", "num-epochs", "num-train-epochs", "max-epochs", "n-epoch", "e"],
  "image-size": [
    "imgsz",
    "img-size",
    "img",
    "size",
    "target-size",
    "input-size",
    "input-shape",
    "image-shape",
    "crop-size",
    "resolution",
  ],
  channels: ["color-mode", "in-chans", "in-channels", "grayscale", "greyscale"],
  resize: ["interpolation"],
  model: ["arch", "architecture", "net", "network", "backbone", "model-name", "weights"],
  dropout: ["drop", "drop-rate", "dropout-rate"],
  "batch-norm-momentum": ["bn-momentum", "bn-mom", "bnm"],
  l2: ["wd", "weight-decay", "l2-reg", "regularization", "kernel-regularizer"],
  optimizer: ["opt", "optim", "opt-func", "solver"],
  momentum: ["mom", "moms"],
  schedule: ["scheduler", "lr-scheduler", "lr-scheduler-type", "lr-schedule", "sched", "cos-lr", "cosine"],
  "beta-1": ["adam-beta1", "betas"],
  "beta-2": ["adam-beta2", "sqr-mom"],
  epsilon: ["eps", "adam-epsilon", "opt-eps"],
  "clip-norm": [
    "global-clipnorm",
    "clip-grad",
    "max-grad-norm",
    "gradient-clip-val",
    "grad-clip",
    "gradient-clip",
  ],
  "label-smoothing": ["smoothing", "label-smoothing-factor", "ls"],
  "class-weight": ["class-weights", "pos-weight"],
  wire: ["gradient-compression", "compression", "fp16-compression"],
  "rotation-range": ["degrees", "rotation", "rotate", "max-rotate", "random-rotation"],
  "width-shift-range": ["translate", "width-shift", "translation"],
  "height-shift-range": ["height-shift"],
  "shear-range": ["shear"],
  "zoom-range": ["zoom", "scale", "max-zoom", "random-zoom"],
  "horizontal-flip": ["fliplr", "flip", "hflip", "do-flip", "random-flip", "mirror"],
  "vertical-flip": ["flipud", "flip-vert", "vflip"],
  "fill-mode": ["padding-mode", "pad-mode"],
  cval: ["fill-value"],
  "brightness-range": ["brightness", "hsv-v", "max-lighting", "color-jitter", "random-brightness"],
  "channel-shift-range": ["channel-shift", "hsv-h", "hsv-s"],
  seed: ["random-state", "manual-seed", "random-seed", "data-seed"],
  lanes: ["world-size", "replicas", "num-replicas", "shards"],
  accumulate: [
    "gradient-accumulation-steps",
    "accumulate-grad-batches",
    "grad-accum",
    "accum-iter",
    "n-acc",
    "grad-accum-steps",
  ],
  "local-steps": ["inner-steps", "sync-every", "local-sgd"],
  "local-lr": ["inner-lr"],
  "shuffle-shards": ["shuffle", "shuffle-buffer", "buffer-size", "shuffle-block-size"],
  threads: ["num-threads", "intra-op-parallelism-threads", "intra-op-threads", "omp-num-threads"],
  "one-dnn": ["mkldnn", "mkl", "onednn-opts"],
  compute: ["amp", "half", "fp16", "bf16", "precision", "mixed-precision", "dtype"],
  patience: ["early-stopping", "early-stop", "early-stopping-patience", "es-patience"],
  "reduce-on-plateau": ["reduce-lr-on-plateau", "factor", "decay-rate", "gamma"],
  "plateau-patience": ["lr-patience", "patience-epochs"],
  "export-weights": ["restore-best-weights", "save-best-only", "save-best", "load-best-model-at-end"],
  "keep-checkpoints": ["save-total-limit", "save-top-k", "checkpoint-hist", "max-to-keep"],
  "checkpoint-steps": ["save-steps", "save-freq", "save-period", "every-n-train-steps", "checkpoint-every"],
  "checkpoint-seconds": ["save-checkpoints-secs", "save-interval"],
  "on-nonfinite": ["terminate-on-nan", "detect-anomaly", "nan"],
  run: ["run-name", "experiment", "experiment-name", "project", "name", "job-name"],
  resume: ["resume-from-checkpoint", "ckpt-path", "checkpoint", "from-checkpoint", "initial-epoch"],
  dataset: ["data", "data-dir", "data-path", "dataset-name"],
  workers: [
    "num-workers",
    "n-workers",
    "nproc-per-node",
    "num-processes",
    "np",
    "nproc",
    "jobs",
    "num-nodes",
    "nnodes",
  ],
  reducers: ["ps", "parameter-servers", "num-ps", "servers"],
  device: ["gpus", "gpu", "cuda", "accelerator", "devices", "no-cuda", "use-gpu", "cpu"],
  "image-cache-memory": ["cache", "cache-images", "cache-memory"],
  coordinator: ["server", "address", "master-addr", "master", "rdzv-endpoint", "scheduler-address", "url"],
  host: ["bind", "listen", "bind-address"],
  port: ["master-port", "control-port"],
  "validation-split": [
    "val-split",
    "valid-pct",
    "test-size",
    "val-size",
    "val-fraction",
    "validation-fraction",
  ],
  store: ["output-dir", "output", "out-dir", "root-dir", "default-root-dir", "logdir", "storage"],
  "log-level": ["verbose", "verbosity", "quiet", "v"],
  trace: ["otlp-endpoint", "tracing"],
};

const translations = new Map(
  Object.entries(foreignNames).flatMap(([ours, theirs]) => theirs.map((name) => [plainName(name), ours])),
);

/** The setting among `known` that someone means who wrote this: by what other tools call it, else by its letters. */
export function nearestSetting(written: string, known: readonly string[]): string | null {
  const same = known.find((name) => plainName(name) === plainName(written));
  if (same !== undefined) return same;
  const translated = translations.get(plainName(written));
  if (translated !== undefined && known.includes(translated)) return translated;
  return nearestName(written, known);
}

/** Every name that another tool has, with ours. For tests. */
export const foreignPairs = (): (readonly [string, string])[] =>
  Object.entries(foreignNames).flatMap(([ours, theirs]) => theirs.map((name) => [name, ours] as const));
