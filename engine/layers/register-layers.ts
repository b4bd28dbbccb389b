/** Registers our layers in place of tfjs' layers of the same class names, so that any model JSON gets them. */
import type { TensorFlow } from "../native/load-tensorflow.js";
import { registerActivationGradients } from "./activation-gradients.js";
import { batchNormalizationClass } from "./batch-normalization.js";
import { perturbations, randomLayerClass } from "./dropout-and-noise.js";
import { boundedReluClass } from "./relu6.js";
import { registeredLayer, replaceLayer } from "./tfjs-layer-classes.js";

const registered = new WeakSet<TensorFlow>();

/** Registers the layers in a tfjs instance; further calls do nothing. */
export function registerLayers(tf: TensorFlow): void {
  if (registered.has(tf)) return;
  registered.add(tf);
  replaceLayer(tf, batchNormalizationClass(tf, registeredLayer(tf, "BatchNormalization")));
  replaceLayer(tf, boundedReluClass(tf, registeredLayer(tf, "ReLU")));
  for (const [className, perturbation] of Object.entries(perturbations)) {
    replaceLayer(tf, randomLayerClass(tf, registeredLayer(tf, className), perturbation));
  }
  registerActivationGradients(tf);
}
