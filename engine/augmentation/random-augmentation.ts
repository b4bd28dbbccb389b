/**
 * Draws the augmentation of a sample in an epoch. It is a pure function of (draws, seed, epoch, sample), so that neither the
 * number of workers nor a restart changes it. Ranges have the names and units of Keras' `ImageDataGenerator`:
 *
 * - rotationRange: degrees, uniform in [-r, r]. As Keras.
 * - widthShiftRange, heightShiftRange: fraction of the side, uniform in [-r, r]. Keras' two move along the
 *   other side than they say; its ranges of 1 and more, which are pixels there, are refused, but 1 is the whole
 *   side here.
 * - shearRange: degrees, uniform in [-r, r]. As Keras.
 * - zoomRange: z draws both sides' zoom on their own from [1 - z, 1 + z]; above 1 shrinks. As Keras.
 * - horizontalFlip, verticalFlip: each with probability 0.5. As Keras.
 * - brightnessRange: factor, uniform in [low, high]. As Keras.
 * - channelShiftRange: one number for all channels, uniform in [-r, r]. As Keras.
 */
import { type Draws, drawStream, type NumberStream, Purpose } from "../../shared/random.js";
import type { AugmentationSpec } from "../../shared/spec.js";
import type { MicroBatch } from "../engine.js";
import { type Geometry, projectiveTransform, type Size } from "./affine-transform.js";

/** The augmentation of one sample. */
export interface Augmentation {
  readonly geometry: Geometry;
  /** float32 [8]: the transform that `projectiveTransform` returns. */
  readonly transform: Float32Array;
  /** Brightness factor; 1 when brightness is off. */
  readonly brightness: number;
  /** Channel shift in units of 0 to 255; 0 when the shift is off. */
  readonly channelShift: number;
}

/** What decides the draws of an epoch's augmentation, besides the sample's number (SampleIndex). */
export interface Drawn {
  /** The draws of the run's format (drawsOf in shared/spec.ts). */
  readonly draws: Draws;
  readonly seed: number;
  readonly epoch: number;
}

/**
 * Draws the augmentation of one sample. Every number is drawn whether its option is on or not, in this order: rotation,
 * width shift, height shift, shear, column zoom, row zoom, horizontal flip, vertical flip, brightness, channel shift. So
 * switching one option does not change what is drawn for the others.
 */
export function drawAugmentation(
  spec: AugmentationSpec,
  size: Size,
  { draws, seed, epoch, sample }: Drawn & { readonly sample: number },
): Augmentation {
  const random = drawStream(draws, seed, Purpose.augmentation, epoch, sample);
  const geometry = drawGeometry(spec, size, random);
  const [low, high] = spec.brightnessRange ?? [1, 1];
  return {
    geometry,
    transform: Float32Array.from(projectiveTransform(geometry, size)),
    brightness: random.nextBetween(low, high),
    channelShift: drawWithin(spec.channelShiftRange, random),
  };
}

function drawGeometry(spec: AugmentationSpec, { height, width }: Size, random: NumberStream): Geometry {
  return {
    rotation: drawWithin(spec.rotationRange, random),
    columnShift: drawWithin(spec.widthShiftRange, random) * width,
    rowShift: drawWithin(spec.heightShiftRange, random) * height,
    shear: drawWithin(spec.shearRange, random),
    columnZoom: 1 + drawWithin(spec.zoomRange, random),
    rowZoom: 1 + drawWithin(spec.zoomRange, random),
    isFlippedHorizontally: random.nextFloat() < 0.5 && spec.horizontalFlip,
    isFlippedVertically: random.nextFloat() < 0.5 && spec.verticalFlip,
  };
}

/** A number drawn uniformly from [-range, range). */
const drawWithin = (range: number, random: NumberStream) => range * (2 * random.nextFloat() - 1);

/** Draws the augmentation of a micro-batch, in the form in which MicroBatch holds it. */
export function augmentationOf(
  spec: AugmentationSpec,
  size: Size,
  { samples, ...drawn }: Drawn & { readonly samples: ArrayLike<number> },
): Pick<MicroBatch, "transforms" | "brightness" | "channelShifts"> {
  const transforms = new Float32Array(samples.length * 8);
  const brightness = new Float32Array(samples.length);
  const channelShifts = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i += 1) {
    const one = drawAugmentation(spec, size, { ...drawn, sample: samples[i] as number });
    transforms.set(one.transform, i * 8);
    brightness[i] = one.brightness;
    channelShifts[i] = one.channelShift;
  }
  return { transforms, brightness, channelShifts };
}
