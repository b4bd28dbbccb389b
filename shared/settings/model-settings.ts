/** Settings of a run: the model and the images that it takes. */
import { byModel, modelNames } from "./models.js";
import type { Settings } from "./setting.js";

const group = "Model and input:";

export const modelSettings = {
  model: {
    kind: "choice",
    choices: modelNames,
    default: "classic",
    help: "classic: three convolutions and two dense layers; digits: a smaller one; MobileNetV2 and ResNet-18 as published",
    decidesBits: true,
    group,
  },
  "image-size": {
    kind: "sides",
    // Every model has at least three poolings by two; shared/spec.ts has the bound of stored specs.
    min: 8,
    max: 4096,
    unit: "pixels",
    // mobilenet-v2 and resnet-18 halve images five times: 96 leaves 3x3.
    defaultByModel: byModel("64", { digits: "28", residual: "96" }),
    help: "Side of the model's input, or HEIGHTxWIDTH; mobilenet-v2 and resnet-18 need at least 32",
    decidesBits: true,
    group,
  },
  channels: {
    kind: "number",
    isWhole: true,
    min: 1,
    max: 3,
    defaultInWords: "3; digits on a grey data set 1",
    help: "3 = colour, 1 = grey",
    decidesBits: true,
    group,
  },
  resize: {
    kind: "choice",
    choices: ["nearest", "area", "bilinear"],
    default: "nearest",
    help: "How images are brought to the input's size: nearest is Keras' load_img",
    decidesBits: true,
    group,
  },
  colour: {
    kind: "choice",
    choices: ["srgb", "as-stored"],
    default: "srgb",
    help: "srgb follows colour profiles; as-stored gives PIL's pixels",
    decidesBits: true,
    group,
  },
  classes: {
    kind: "list",
    hasCommas: true,
    defaultInWords: "as stored at import",
    help: "All classes in label order",
    decidesBits: true,
    group,
  },
  dropout: {
    kind: "number",
    min: 0,
    max: 0.95,
    unit: "share",
    defaultByModel: byModel(0.5, { residual: 0.2 }),
    help: "Share of the last dense layer's input that is dropped while training",
    decidesBits: true,
    group,
  },
  "batch-norm-momentum": {
    kind: "number",
    min: 0,
    max: 0.9999,
    default: 0.9,
    help: "How slowly the moving statistics of batch normalisation follow",
    decidesBits: true,
    group,
  },
  l2: {
    kind: "number",
    min: 0,
    default: 0,
    help: "L2 factor on every kernel: the loss grows by l2 times the sum of the squared weights",
    decidesBits: true,
    group,
  },
} as const satisfies Settings;
