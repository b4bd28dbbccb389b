/**
 * Eager tfjs layers against the recorded graph: milliseconds of one forward and backward pass of the classic
 * net, batch 32 of 64x64x3, five interleaved rounds.
 *   npm run bench -- engine
 */
import type { Scalar, Tensor2D } from "@tensorflow/tfjs-node-gpu";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { engineSpec, freshStatistics, microBatch, tensorFlow } from "../support/engine/spec.js";

const rounds = 5;
const callsPerRound = 10;
const samples = 32;
const tf = tensorFlow();
const spec = engineSpec({ height: 64, model: { dropout: 0.5 } });
const engine = createEngine(tf, spec);
engine.setWeights(engine.initialise(1), freshStatistics(engine.layout));
engine.prepare({ gradients: [samples], evaluate: [] });
const batch = microBatch(spec, samples);

const eagerModel = tf.sequential();
for (const [index, filters] of [32, 64, 128].entries()) {
  const conv = { filters, kernelSize: 3, padding: "same", activation: "relu" } as const;
  eagerModel.add(tf.layers.conv2d(index === 0 ? { ...conv, inputShape: [64, 64, 3] } : conv));
  eagerModel.add(tf.layers.batchNormalization());
  eagerModel.add(tf.layers.maxPooling2d({ poolSize: 2 }));
}
eagerModel.add(tf.layers.flatten());
eagerModel.add(tf.layers.dense({ units: 128, activation: "relu" }));
eagerModel.add(tf.layers.dropout({ rate: 0.5 }));
eagerModel.add(tf.layers.dense({ units: 1 }));

function eagerStep(): void {
  tf.tidy(() => {
    const x = tf.tensor(Float32Array.from(batch.images), [samples, 64, 64, 3]).div(255);
    const labels = tf.tensor2d(Float32Array.from(batch.labels), [samples, 1]);
    const { grads } = tf.variableGrads(() => {
      const logits = eagerModel.apply(x, { training: true }) as Tensor2D;
      return tf.losses.sigmoidCrossEntropy(labels, logits) as Scalar;
    });
    for (const gradient of Object.values(grads)) gradient.dataSync();
  });
}

function time(call: () => unknown): number[] {
  return Array.from({ length: callsPerRound }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  }).sort((a, b) => a - b);
}

const summary = (times: number[]) =>
  `min ${times[0]?.toFixed(0)} ms, median ${times[times.length >> 1]?.toFixed(0)} ms`;

for (let round = 1; round <= rounds; round += 1) {
  const eager = summary(time(eagerStep));
  const recorded = summary(time(() => engine.gradients(batch)));
  process.stdout.write(`round ${round}: eager ${eager}; recorded ${recorded}\n`);
}
