/**
 * Augmentation of pixels as TensorFlow ops, on whatever device the step runs: transform, channel shift,
 * brightness, in Keras' order. What is off costs nothing. Takes what draw.ts drew; reads no value, so that the
 * engine can record it.
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

/** Drawn per sample by whoever feeds the micro-batch; shapes as in MicroBatch. */
export interface AugmentationInputs {
  /** float32 [n, 8]. */
  readonly transforms: Tensor;
  /** float32 [n]. */
  readonly brightness: Tensor;
  /** float32 [n], in 0..255 units. */
  readonly channelShifts: Tensor;
}

/** Whether any pixel can move. */
export const isMoving = (spec: AugmentationSpec): boolean =>
  spec.rotationRange > 0 ||
  spec.widthShiftRange > 0 ||
  spec.heightShiftRange > 0 ||
  spec.shearRange > 0 ||
  spec.zoomRange > 0 ||
  spec.horizontalFlip ||
  spec.verticalFlip;

/**
 * float32 [n, height, width, channels] in 0..255, from such images. Within tf.tidy; the caller owns the result,
 * which is `images` itself when nothing is on. No gradient passes through it.
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

/** Bilinear, as Keras' interpolation_order 1. */
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

/** Of each image on its own, over all its channels. */
function channelShifted(images: Tensor4D, shifts: Tensor): Tensor4D {
  const lowest = images.min([1, 2, 3], true);
  const highest = images.max([1, 2, 3], true);
  return images.add(perSample(shifts)).maximum(lowest).minimum(highest);
}

const brightened = (tf: TensorFlow, images: Tensor4D, factors: Tensor): Tensor4D =>
  images.mul<Tensor4D>(perSample(factors)).minimum(tf.scalar(255));

const perSample = (values: Tensor) => values.reshape([-1, 1, 1, 1]);
