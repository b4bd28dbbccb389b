/** A finished run as values, with names that break careless pages, for tests of what shows runs. */
import type { Curve, EpochRow } from "../../../shared/curve.js";
import type { RunResult } from "../../../shared/result.js";
import type { RunSpec } from "../../../shared/spec.js";

/** Names of case DI6 and what would end a script or start an element. */
export const awkwardClasses = ["</script><b>x", "Südtirol", "猫 猫", `O'Neil "14`];

export const spec: RunSpec = {
  format: "trainyard-run/2",
  run: "faces-20260304-050607-000a",
  dataset: { name: "faces", hash: "ab".repeat(32) },
  classes: awkwardClasses,
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
  epochs: 3,
  batchSize: 32,
  lanes: 2,
  accumulation: 1,
  localSteps: null,
  shuffleShards: 8,
  seed: 0,
  classWeights: [1, 1, 1, 1],
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
};

const epochRow = (epoch: number, validationAccuracy: number): EpochRow => ({
  epoch,
  step: (epoch + 1) * 10,
  loss: 0.8 / (epoch + 1),
  accuracy: 0.7 + epoch * 0.1,
  validationLoss: 0.9 / (epoch + 1),
  validationAccuracy,
  learningRate: 1e-3,
  seconds: 3.2,
  imagesPerSecond: 250.4,
});

export const curve: Curve = {
  format: "trainyard-curve/1",
  run: spec.run,
  epochs: [epochRow(0, 0.6), epochRow(1, 0.7125), epochRow(2, 0.845)],
  steps: Array.from({ length: 30 }, (_, step) => ({
    step,
    epoch: Math.floor(step / 10),
    // A step that was skipped: a gap in the chart, not a zero.
    loss: step === 7 ? Number.NaN : 1 / (1 + step / 10),
    accuracy: 0.5,
    learningRate: 1e-3,
    gradientNorm: 1,
    samples: 32,
    seconds: 0.1,
    crc32c: 1,
    status: step === 7 ? "skipped" : "applied",
  })),
};

export const confusion = [
  [40, 5, 3, 2],
  [4, 44, 1, 1],
  [6, 2, 38, 4],
  [0, 1, 2, 47],
];

const { epoch, loss, accuracy, validationLoss, validationAccuracy } = epochRow(2, 0.845);

export const result: RunResult = {
  format: "trainyard-result/1",
  run: spec.run,
  generation: 1,
  outcome: "finished",
  reason: "all 3 epochs are done",
  dataset: spec.dataset,
  model: "classic",
  parameters: 1_142_529,
  lanes: 2,
  workersSeen: 2,
  fingerprints: [],
  sameBits: true,
  steps: 30,
  epochs: 3,
  seconds: 10.4,
  imagesPerSecond: 240.3,
  final: { epoch, loss, accuracy, validationLoss, validationAccuracy },
  best: { epoch, loss, accuracy, validationLoss, validationAccuracy },
  classes: awkwardClasses.map((name, index) => {
    const correct = confusion[index]?.[index] ?? 0;
    return { name, images: 50, correct, recall: correct / 50 };
  }),
  confusion,
  samples: { committed: 960, redone: 0, skipped: 0, excluded: 0, lost: 0, repeated: 0 },
  exclusions: [],
  exported: { checkpoint: "1-30", paths: ["export/tfjs/model.json", "export/keras/model.h5"] },
  weightsSha256: "cd".repeat(32),
  timing: null,
};
