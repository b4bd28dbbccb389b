/**
 * From decoded pixels to the model's input: augmented in 0..255 where training wants it, then scaled to 0..1.
 */
import type { Tensor, Tensor4D } from "@tensorflow/tfjs-node-gpu";
import { type AugmentationInputs, augment } from "./augmentation/augmentation-ops.js";
import type { EngineSpec } from "./engine.js";
import type { TensorFlow } from "./native/load-tensorflow.js";
import { boolAttribute, DataType, nodeBackend, typeAttribute } from "./recording/tfjs-node-backend.js";

/** float32 [n, height, width, channels] in 0..1 from uint8 images of that shape. */
export function augmentedPixels(
  tf: TensorFlow,
  images: Tensor,
  inputs: AugmentationInputs,
  spec: EngineSpec,
): Tensor4D {
  return scaledPixels(augment(tf, pixelValues(tf, images), inputs, spec.augmentation));
}

/** The scaling of training, evaluation and of the Rescaling layer in exports: pixel * (1 / 255). */
export const scaledPixels = (pixels: Tensor4D): Tensor4D => pixels.mul(1 / 255);

/** uint8 to float32: tfjs has no uint8, so the cast is called by its name. */
export function pixelValues(tf: TensorFlow, images: Tensor): Tensor4D {
  const attributes = [
    typeAttribute("SrcT", DataType.uint8),
    typeAttribute("DstT", DataType.float),
    boolAttribute("Truncate", false),
  ];
  return nodeBackend(tf).executeSingleOutput("Cast", attributes, [images]) as Tensor4D;
}
