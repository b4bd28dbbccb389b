/**
 * The file `labels.json` of an export, with what a model file can't contain: class names in label order, how an image
 * becomes the input, how the output becomes a class, whose export it is, and the hashes of its files. It is written last,
 * so an export that has it is complete.
 */
import { z } from "zod";
import { ImageSpec } from "../../shared/spec.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import { programVersion } from "../../shared/version.js";
import type { ExportFile } from "./export-file.js";

/** The content of labels.json. */
export const Labels = z.object({
  /** 1: names no spec, and only the files of the tfjs model. 2: names the spec and every other file of the export. */
  format: z.enum(["trainyard-labels/1", "trainyard-labels/2"]),
  /** The version of Trainyard that wrote the file. */
  version: z.string(),
  /** The run that exported the model; null when it belongs to no run. */
  run: z.string().nullable(),
  /** SHA-256 of the run's spec.json as it is stored, hex; null when the model belongs to no run, and in format 1. */
  specSha256: z.string().nullable().default(null),
  /** The classes in label order: the model's output i is about classes[i]. */
  classes: z.array(z.string()).min(2),
  /** How images are decoded and resized. */
  image: ImageSpec,
  input: z.object({ pixels: z.string(), resize: z.string(), colour: z.string() }),
  output: z.object({
    units: z.number().int().positive(),
    activation: z.enum(["sigmoid", "softmax"]),
    rule: z.string(),
  }),
  /** Lines of Python that predict with model.h5. */
  howToUse: z.array(z.string()),
  /** The other files of the export, with paths below the folder that contains `export/`. */
  files: z.array(z.object({ path: z.string(), bytes: z.number().int(), sha256: z.string() })),
});
export type Labels = z.infer<typeof Labels>;

const resizeRules = {
  nearest: "source index floor((i + 0.5) * in / out), as keras.utils.load_img and PIL",
  area: "the mean of the source area of each pixel",
  bilinear: "bilinear between the four nearest source pixels",
} as const satisfies Record<ImageSpec["resize"], string>;

const colourRules = {
  srgb: "EXIF orientation applied, embedded profiles converted to sRGB, alpha flattened onto white",
  "as-stored": "EXIF orientation applied, embedded profiles ignored and alpha dropped, as PIL's convert",
} as const satisfies Record<ImageSpec["colour"], string>;

/** The run that a model belongs to. */
export interface ExportOwner {
  readonly run: string;
  /** SHA-256 of the run's spec.json as it is stored, hex. */
  readonly specSha256: string;
}

/** The labels.json of a model. @param files the other files of the export. */
export function labelsOf(
  { classes, image }: { classes: readonly string[]; image: ImageSpec },
  owner: ExportOwner | null,
  files: readonly ExportFile[],
): Labels {
  return {
    format: "trainyard-labels/2",
    version: programVersion(),
    run: owner?.run ?? null,
    specSha256: owner?.specSha256 ?? null,
    classes: [...classes],
    image,
    input: {
      pixels: `float32 [batch, ${image.height}, ${image.width}, ${image.channels}], raw 0 to 255: the model scales them itself`,
      resize: resizeRules[image.resize],
      colour: colourRules[image.colour],
    },
    output: outputOf(classes),
    howToUse: howToUse(classes, image),
    files: files.map(({ path, bytes }) => ({ path, bytes: bytes.length, sha256: sha256Hex(bytes) })),
  };
}

function outputOf(classes: readonly string[]): Labels["output"] {
  const [first, second] = classes.map((name) => JSON.stringify(name));
  if (classes.length === 2) {
    const rule = `the probability of ${second}: above 0.5 means ${second}, else ${first}`;
    return { units: 1, activation: "sigmoid", rule };
  }
  const rule = "one probability a class, in the order of classes: the largest wins, the first of equals";
  return { units: classes.length, activation: "softmax", rule };
}

function howToUse(classes: readonly string[], { height, width, channels }: ImageSpec): string[] {
  const mode = channels === 1 ? ', color_mode="grayscale"' : "";
  const names = `[${classes.map((name) => JSON.stringify(name)).join(", ")}]`;
  const answer = classes.length === 2 ? "int(p[0, 0] > 0.5)" : "p[0].argmax()";
  return [
    "import numpy as np",
    "from tensorflow.keras.models import load_model",
    "from tensorflow.keras.preprocessing import image",
    'model = load_model("model.h5")',
    `img = image.load_img(path, target_size=(${height}, ${width})${mode})`,
    "p = model.predict(np.expand_dims(image.img_to_array(img), axis=0))",
    `print(${names}[${answer}])`,
  ];
}
