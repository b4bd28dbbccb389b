/**
 * Augments pixels by TensorFlow ops, on the device that computes the step: transform, channel shift and brightness, in
 * Keras' order. An option that is off adds no op. The numbers come from random-augmentation.ts; no value is read, so that
 * the engine can record the ops.
 *
 * Beside Keras' `ImageDataGenerator.apply_transform`:
 * - fillMode `nearest`, `reflect` (d c b a | a b c d | d c b a): as Keras.
 * - fillMode `constant`: outside is `cval`. Within a pixel of the edge TensorFlow blends image and cval (scipy's
 *   `grid-constant`), where Keras, by scipy's `constant`, has cval at once.
 * - fillMode `wrap`: a b c d | a b c d with a period of the side (scipy's `grid-wrap`, but for the seams, where
 *   TensorFlow takes the nearer image's edge pixel instead of a blend). Keras, by scipy's `wrap`, has a period
 *   that is a pixel shorter. Beyond the first copy TensorFlow widens the seams, by a pixel a copy.
 * - channel shift: added to all channels and clipped to the lowest and highest pixel of the image. As Keras.
 * - brightness: pixel * factor, clipped to 255. Keras goes through PIL and cuts to whole levels before and
 *   after; we keep fractions, so the two differ by less than factor + 1 levels.
 */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-node-gpu";
import type { AugmentationSpec } from "../../shared/spec.js";
import type { TensorFlow } from "../native/load-tensorflow.js";
import { DataType, nodeBackend, stringAttribute, typeAttribute } from "../recording/tfjs-node-backend.js";

/** The drawn augmentation of a micro-batch of n samples, as inputs of a graph. */
export interface AugmentationInputs {
  /** float32 [n, 8]: projective transforms. */
  readonly transforms: Tensor;
  /** float32 [n]: brightness factors. */
  readonly brightness: Tensor;
  /** float32 [n]: channel shifts, in units of 0 to 255. */
  readonly channelShifts: Tensor;
}

/** Whether the spec's augmentation can move pixels. */
export const isMoving = (spec: AugmentationSpec): boolean =>
  spec.rotationRange > 0 ||
  spec.widthShiftRange > 0 ||
  spec.heightShiftRange > 0 ||
  spec.shearRange > 0 ||
  spec.zoomRange > 0 ||
  spec.horizontalFlip ||
  spec.verticalFlip;

/**
 * Augments images, float32 [n, height, width, channels] in 0..255. Call it within tf.tidy; the caller owns the result,
 * which is `images` itself when every option is off. No gradient flows through it.
 */
export function augment(
  tf: TensorFlow,
  images: Tensor4D,
  inputs: AugmentationInputs,
  spec: AugmentationSpec,
): Tensor4D {
  let pixels = images;
  if (isMoving(spec)) pixels = transformed(tf, pixels, inputs.transforms, spec);
  if (spec.channelShiftRange > 0) pixels = channelShifted(pixels, inputs.channelShifts);
  if (spec.brightnessRange !== null) pixels = brightened(tf, pixels, inputs.brightness);
  return pixels;
}

/** Transforms images with bilinear interpolation, as Keras does with interpolation_order 1. */
function transformed(
  tf: TensorFlow,
  images: Tensor4D,
  transforms: Tensor,
  { fillMode, cval }: AugmentationSpec,
): Tensor4D {
  const [, height, width] = images.shape;
  const attributes = [
    typeAttribute("dtype", DataType.float),
    stringAttribute("interpolation", "BILINEAR"),
    stringAttribute("fill_mode", fillMode.toUpperCase()),
  ];
  const outputShape = tf.tensor1d([height, width], "int32");
  const fillValue = tf.scalar(cval);
  return nodeBackend(tf).executeSingleOutput("ImageProjectiveTransformV3", attributes, [
    images,
    transforms,
    outputShape,
    fillValue,
  ]) as Tensor4D;
}

/** Adds the shift to all channels and clips to the lowest and highest value of each image. */
function channelShifted(images: Tensor4D, shifts: Tensor): Tensor4D {
  const lowest = images.min([1, 2, 3], true);
  const highest = images.max([1, 2, 3], true);
  return images.add(perSample(shifts)).maximum(lowest).minimum(highest);
}

const brightened = (tf: TensorFlow, images: Tensor4D, factors: Tensor): Tensor4D =>
  images.mul<Tensor4D>(perSample(factors)).minimum(tf.scalar(255));

const perSample = (values: Tensor) => values.reshape([-1, 1, 1, 1]);
