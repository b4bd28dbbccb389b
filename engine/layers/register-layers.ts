/**
 * Puts our layers in place of tfjs' ones of the same class name, so that any model JSON gets them.
 */
import type { TensorFlow } from "../native/load-tensorflow.js";
import { installKernelGradients } from "./activation-gradients.js";
import { batchNormalizationClass } from "./batch-normalization.js";
import { perturbations, randomLayerClass } from "./dropout-and-noise.js";
import { boundedReluClass } from "./relu6.js";
import { registeredLayer, replaceLayer } from "./tfjs-layer-classes.js";

const installed = new WeakSet<TensorFlow>();

/** Once per tfjs instance; later calls do nothing. */
export function installLayers(tf: TensorFlow): void {
  if (installed.has(tf)) return;
  installed.add(tf);
  replaceLayer(tf, batchNormalizationClass(tf, registeredLayer(tf, "BatchNormalization")));
  replaceLayer(tf, boundedReluClass(tf, registeredLayer(tf, "ReLU")));
  for (const [className, perturbation] of Object.entries(perturbations)) {
    replaceLayer(tf, randomLayerClass(tf, registeredLayer(tf, className), perturbation));
  }
  installKernelGradients(tf);
}
