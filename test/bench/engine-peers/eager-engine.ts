/**
 * Times training steps in tfjs-node as its users write them: `variableGrads` on layers of tfjs itself, eagerly, each
 * gradient read back. A process of its own, so that none of our layers is installed.
 * Arguments: tfjs model.json, side, samples, threads. Writes one line when it is ready; then for each line
 * with a number, a JSON list of that many milliseconds.
 */
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import type { Tensor2D } from "@tensorflow/tfjs-node-gpu";
import { loadTensorFlow } from "../../../engine/native/load-tensorflow.js";

const [file = "", ...numbers] = process.argv.slice(2);
const [side = 64, samples = 32, threads = 1] = numbers.map(Number);
const tf = loadTensorFlow({ intraOpThreads: threads, oneDnn: true });
const model = await tf.loadLayersModel(pathToFileURL(file).href);
const images = Uint8Array.from({ length: samples * side * side * 3 }, (_, index) => (index * 7919) % 256);
const labels = Float32Array.from({ length: samples }, (_, index) => index % 2);

function call(): number {
  const startMs = performance.now();
  tf.tidy(() => {
    const x = tf.tensor4d(Float32Array.from(images), [samples, side, side, 3]);
    const { grads } = tf.variableGrads(() => {
      const probabilities = model.apply(x, { training: true }) as Tensor2D;
      return tf.losses.logLoss(tf.tensor2d(labels, [samples, 1]), probabilities);
    });
    for (const gradient of Object.values(grads)) gradient.dataSync();
  });
  return performance.now() - startMs;
}

call();
console.log(`tfjs-node ${tf.version.tfjs}, TensorFlow 2.21`);
for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(Array.from({ length: Number(line) }, call)));
}
