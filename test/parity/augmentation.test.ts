/**
 * Augmented pixels equal those of real Keras' ImageDataGenerator.apply_transform: each option alone and all of
 * them together, square and not, for every fill mode. Where fill modes differ at the edge, the inside is equal.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor4D } from "@tensorflow/tfjs-node-gpu";
import { beforeAll, describe, expect, it } from "vitest";
import { type Geometry, projectiveTransform, unmoved } from "../../engine/augmentation/affine-transform.js";
import { augment } from "../../engine/augmentation/augmentation-ops.js";
import { RandomStream } from "../../shared/random.js";
import type { AugmentationSpec } from "../../shared/spec.js";
import { noAugmentation } from "../support/augmentation.js";
import { tensorFlow } from "../support/engine/spec.js";
import { kerasPython } from "../support/parts.js";

const script = fileURLToPath(new URL("augmentation_keras.py", import.meta.url));
const tf = tensorFlow();

interface Case {
  readonly geometry?: Partial<Geometry>;
  readonly brightness?: number;
  readonly channelShift?: number;
  readonly fillMode?: AugmentationSpec["fillMode"];
  /** What Keras is asked for instead: it hands the mode to scipy as it is. */
  readonly scipyMode?: "grid-constant" | "grid-wrap";
  readonly cval?: number;
  readonly height?: number;
  readonly width?: number;
  readonly channels?: number;
}

interface Compared {
  readonly ours: Float32Array;
  readonly keras: Float32Array;
}

const together: Partial<Geometry> = {
  rotation: -17,
  columnShift: 3.3,
  rowShift: -2.1,
  shear: 9,
  columnZoom: 1.15,
  rowZoom: 0.9,
};
const sideways = { height: 24, width: 40 };
const turned = { ...together, isFlippedHorizontally: true };

const cases = {
  "rotation 30": { geometry: { rotation: 30 } },
  "rotation 45": { geometry: { rotation: 45 } },
  "width shift": { geometry: { columnShift: 3.25 } },
  "height shift": { geometry: { rowShift: -4.5 } },
  "shear 15": { geometry: { shear: 15 } },
  "shear -15": { geometry: { shear: -15 } },
  "zoom in": { geometry: { columnZoom: 0.5, rowZoom: 0.5 } },
  "zoom out, one side more": { geometry: { columnZoom: 1.4, rowZoom: 1.2 } },
  "horizontal flip": { geometry: { isFlippedHorizontally: true } },
  "vertical flip": { geometry: { isFlippedVertically: true } },
  "all geometry": { geometry: together },
  "all geometry, flipped both ways": { geometry: { ...turned, isFlippedVertically: true } },
  "one channel": { geometry: turned, channels: 1 },
  "not square: rotation": { geometry: { rotation: 30 }, ...sideways },
  "not square: shear": { geometry: { shear: 15 }, ...sideways },
  "not square: zoom": { geometry: { columnZoom: 0.5, rowZoom: 1.3 }, ...sideways },
  "not square: all geometry": { geometry: turned, ...sideways },
  reflect: { geometry: turned, fillMode: "reflect", ...sideways },
  "rotation 45, reflect": { geometry: { rotation: 45 }, fillMode: "reflect" },
  "constant is scipy's grid-constant": {
    geometry: turned,
    fillMode: "constant",
    scipyMode: "grid-constant",
    cval: 90,
    ...sideways,
  },
  "rotation 45, constant is scipy's grid-constant": {
    geometry: { rotation: 45 },
    fillMode: "constant",
    scipyMode: "grid-constant",
  },
  "channel shift up": { channelShift: 40 },
  "channel shift down": { channelShift: -40.5 },
  "channel shift after geometry": { geometry: turned, channelShift: 25 },
} as const satisfies Record<string, Case>;

/** Equal inside; the edge is where TensorFlow and scipy differ. */
const edges = {
  "constant, rotation 45": { geometry: { rotation: 45 }, fillMode: "constant", cval: 90 },
  "constant, all geometry": { geometry: turned, fillMode: "constant", cval: 0, ...sideways },
  "wrap, rotation 45": { geometry: { rotation: 45 }, fillMode: "wrap" },
  "wrap, all geometry": { geometry: turned, fillMode: "wrap", ...sideways },
} as const satisfies Record<string, Case>;

/** Equal but on the seams between the copies of the image. */
const seams = {
  "wrap is scipy's grid-wrap": { geometry: turned, fillMode: "wrap", scipyMode: "grid-wrap", ...sideways },
  "rotation 45, wrap is scipy's grid-wrap": {
    geometry: { rotation: 45 },
    fillMode: "wrap",
    scipyMode: "grid-wrap",
  },
  "half a side of shift, wrap is scipy's grid-wrap": {
    geometry: { columnShift: -16.3, rowShift: 11.6 },
    fillMode: "wrap",
    scipyMode: "grid-wrap",
  },
} as const satisfies Record<string, Case>;

const brightnesses = {
  "brightness down": { brightness: 0.6 },
  "brightness up": { brightness: 1.7 },
  everything: { geometry: turned, channelShift: -20, brightness: 1.2, ...sideways },
} as const satisfies Record<string, Case>;

const all: Record<string, Case> = { ...cases, ...edges, ...seams, ...brightnesses };
const compared = new Map<string, Compared>();

const full = (given: Case) =>
  ({ height: 32, width: 32, channels: 3, fillMode: "nearest", cval: 0, ...given }) as const;

/** Neighbours differ by up to 255 levels: any geometry that is off shows. */
function imageOf({ height, width, channels }: ReturnType<typeof full>, seed: number): Float32Array {
  const random = new RandomStream(seed, 4);
  return new Float32Array(height * width * channels).map(() => random.nextBelow(256));
}

function specOf({
  geometry,
  brightness,
  channelShift,
  fillMode,
  cval,
}: ReturnType<typeof full>): AugmentationSpec {
  return {
    ...noAugmentation,
    fillMode,
    cval,
    // Ranges only say what is on; the numbers are the case's.
    rotationRange: geometry === undefined ? 0 : 1,
    channelShiftRange: channelShift === undefined ? 0 : 1,
    brightnessRange: brightness === undefined ? null : [1, 1],
  };
}

/** Two images a call, the second unmoved: a sample's transform must be its own. */
function ours(given: Case, image: Float32Array): Float32Array {
  const options = full(given);
  const { height, width, channels, geometry, brightness = 1, channelShift = 0 } = options;
  const own = projectiveTransform({ ...unmoved, ...geometry }, options);
  const values = tf.tidy(() => {
    const images = tf.tensor4d(image, [1, height, width, channels]);
    const inputs = {
      transforms: tf.tensor2d([own, projectiveTransform(unmoved, options)]),
      brightness: tf.tensor1d([brightness, 1]),
      channelShifts: tf.tensor1d([channelShift, 0]),
    };
    const pair = tf.concat([images, images]) as Tensor4D;
    const [first, second] = tf.split(augment(tf, pair, inputs, specOf(options)), 2) as [Tensor4D, Tensor4D];
    expect(second.dataSync()).toEqual(image);
    return first.dataSync();
  });
  return values as Float32Array;
}

function kerasCase(given: Case) {
  const { height, width, channels, geometry, brightness, channelShift, cval } = full(given);
  const fillMode = given.scipyMode ?? full(given).fillMode;
  const { rotation, columnShift, rowShift, shear, columnZoom, rowZoom, ...flips } = {
    ...unmoved,
    ...geometry,
  };
  const parameters = {
    theta: rotation,
    tx: columnShift,
    ty: rowShift,
    shear,
    zx: columnZoom,
    zy: rowZoom,
    flip_horizontal: flips.isFlippedHorizontally,
    flip_vertical: flips.isFlippedVertically,
    ...(brightness !== undefined && { brightness }),
    ...(channelShift !== undefined && { channel_shift_intensity: channelShift }),
  };
  return { height, width, channels, fillMode, cval, mend: height !== width, parameters };
}

beforeAll(() => {
  const folder = mkdtempSync(join(tmpdir(), "trainyard-augmentation-"));
  const images = Object.values(all).map((given, index) => imageOf(full(given), index));
  writeFileSync(join(folder, "cases.json"), JSON.stringify(Object.values(all).map(kerasCase)));
  for (const [index, image] of images.entries()) writeFileSync(join(folder, `image-${index}.f32`), image);
  execFileSync(kerasPython(), [script, folder], { stdio: ["ignore", "ignore", "pipe"] });
  for (const [index, [name, given]] of Object.entries(all).entries()) {
    const bytes = new Uint8Array(readFileSync(join(folder, `result-${index}.f32`)));
    compared.set(name, {
      ours: ours(given, images[index] as Float32Array),
      keras: new Float32Array(bytes.buffer),
    });
  }
  rmSync(folder, { recursive: true });
});

function differencesOf(name: string): Float32Array {
  const { ours, keras } = compared.get(name) as Compared;
  expect(ours.length).toBe(keras.length);
  return ours.map((value, index) => Math.abs(value - (keras[index] as number)));
}

describe("pixels equal Keras', within 0.02 of 255 levels", () => {
  it.each(Object.keys(cases))("%s", (name) => {
    expect(Math.max(...differencesOf(name))).toBeLessThan(0.02);
  });
});

describe("fill modes whose edge is not scipy's", () => {
  it.each(Object.entries<Case>(edges))("%s: equal wherever the source lies inside", (name, given) => {
    const inside = differencesWhere(name, given, isInside);
    expect(inside.share).toBeGreaterThan(0.7);
    expect(inside.largest).toBeLessThan(0.02);
  });

  it.each(Object.entries<Case>(seams))("%s: equal but on the seams", (name, given) => {
    const off = differencesWhere(name, given, (...where) => !isOnSeam(...where));
    expect(off.share).toBeGreaterThan(0.9);
    expect(off.largest).toBeLessThan(0.02);
  });

  it("constant: beyond a pixel from the edge there is cval, as in Keras", () => {
    const { ours, keras } = compared.get("constant, rotation 45") as Compared;
    for (const corner of [0, 31 * 3, 31 * 32 * 3, (32 * 32 - 1) * 3]) {
      expect(ours[corner]).toBe(90);
      expect(keras[corner]).toBe(90);
    }
  });
});

describe("brightness", () => {
  it.each(Object.entries<Case>(brightnesses))(
    "%s: Keras' within factor + 1 levels (PIL cuts to whole ones)",
    (name, given) => {
      const differences = differencesOf(name);
      expect(Math.max(...differences)).toBeLessThan((given.brightness ?? 1) + 1);
      const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
      expect(mean).toBeLessThan(1.2);
    },
  );
});

type Source = readonly [
  column: number,
  row: number,
  size: { readonly height: number; readonly width: number },
];

/** The largest difference among the pixels whose source is as asked, and how many of all these are. */
function differencesWhere(name: string, given: Case, isAsked: (...source: Source) => boolean) {
  const options = full(given);
  const transform = projectiveTransform({ ...unmoved, ...options.geometry }, options);
  const [a0, a1, a2, b0, b1, b2] = transform as [number, number, number, number, number, number];
  const differences = differencesOf(name);
  const asked = differences.filter((_, index) => {
    const pixel = Math.floor(index / options.channels);
    const [column, row] = [pixel % options.width, Math.floor(pixel / options.width)];
    return isAsked(a0 * column + a1 * row + a2, b0 * column + b1 * row + b2, options);
  });
  return { share: asked.length / differences.length, largest: Math.max(...asked) };
}

/** Between the centres of the outermost pixels. */
const isInside = (...[column, row, { height, width }]: Source): boolean =>
  column >= 0 && column <= width - 1 && row >= 0 && row <= height - 1;

/** Between the last pixel of a copy and the first of the next. */
function isOnSeam(...[column, row, { height, width }]: Source): boolean {
  const within = (position: number, side: number) => ((position % side) + side) % side;
  return within(column, width) > width - 1 || within(row, height) > height - 1;
}
