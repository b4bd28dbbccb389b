/** Preprocessing inside the graph: decoded pixels are augmented (in training, in 0..255) and then scaled to 0..1. */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-node-gpu";
import { type AugmentationInputs, augment } from "./augmentation/augmentation-ops.js";
import type { EngineSpec } from "./engine.js";
import type { TensorFlow } from "./native/load-tensorflow.js";
import { boolAttribute, DataType, nodeBackend, typeAttribute } from "./recording/tfjs-node-backend.js";

/** The model's input for training: augmented pixels, float32 [n, height, width, channels] in 0..1, from uint8 images. */
export function augmentedPixels(
  tf: TensorFlow,
  images: Tensor,
  inputs: AugmentationInputs,
  spec: EngineSpec,
): Tensor4D {
  return scaledPixels(augment(tf, pixelValues(tf, images), inputs, spec.augmentation));
}

/** Scales pixels by 1 / 255, as the Rescaling layer of exported models does. */
export const scaledPixels = (pixels: Tensor4D): Tensor4D => pixels.mul(1 / 255);

/** Casts uint8 pixels to float32. tfjs has no uint8, so TensorFlow's op is called directly. */
export function pixelValues(tf: TensorFlow, images: Tensor): Tensor4D {
  const attributes = [
    typeAttribute("SrcT", DataType.uint8),
    typeAttribute("DstT", DataType.float),
    boolAttribute("Truncate", false),
  ];
  return nodeBackend(tf).executeSingleOutput("Cast", attributes, [images]) as Tensor4D;
}
