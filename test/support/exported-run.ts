/**
 * A run that has exported, without the training: seeded weights and statistics that are far from their initial
 * values, so that a forgotten or repeated one shows.
 */
import { takeNumber } from "../../coordinator/ownership/generation-record.js";
import type { Engine } from "../../engine/engine.js";
import { exportFiles, publishExport } from "../../engine/export/index.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import type { ModelLayout } from "../../shared/layout.js";
import { newestDraws, RandomStream } from "../../shared/random.js";
import type { RunResult } from "../../shared/result.js";
import { RunSpec, runKey } from "../../shared/spec.js";
import { encodeDocument } from "../../shared/store/document.js";
import { sha256Hex } from "../../shared/store/hashed.js";
import type { ObjectStore } from "../../shared/store/object-store.js";
import { noAugmentation } from "./augmentation.js";
import { result } from "./dashboard/finished-run.js";
import { photographBatch } from "./engine/photographs.js";
import { freshStatistics, tensorFlow } from "./engine/spec.js";

export function runSpec(choices: Partial<RunSpec> = {}): RunSpec {
  const classes = choices.classes ?? ["female", "male"];
  return RunSpec.parse({
    format: "trainyard-run/2",
    run: "export-test",
    dataset: { name: "images", hash: "0".repeat(64) },
    classes,
    image: { height: 64, width: 64, channels: 3, resize: "nearest", colour: "srgb" },
    model: { name: "classic", dropout: 0.5, batchNormMomentum: 0.9, l2: 0 },
    optimizer: {
      name: "adam",
      learningRate: 1e-3,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      schedule: "constant",
    },
    augmentation: noAugmentation,
    epochs: 1,
    batchSize: 32,
    lanes: 2,
    accumulation: 1,
    shuffleShards: 8,
    seed: 1,
    classWeights: classes.map(() => 1),
    labelSmoothing: 0,
    earlyStopping: null,
    plateau: null,
    exportWeights: "last",
    checkpoint: { keep: 1 },
    engine: { intraOpThreads: 2, oneDnn: true },
    allowMixed: false,
    ...choices,
  });
}

/** Glorot kernels, and biases, gammas and betas that are not what they start as. */
export function trainedParameters(layout: ModelLayout, initial: Float32Array, seed = 5): Float32Array {
  const random = new RandomStream(seed, 79);
  const parameters = initial.slice();
  for (const { name, offset, size } of layout.parameters) {
    if (name.endsWith("kernel")) continue;
    for (let i = offset; i < offset + size; i += 1) {
      parameters[i] = (parameters[i] as number) + random.nextBetween(-0.2, 0.2);
    }
  }
  return parameters;
}

/** Means within 0.3, variances from 0.05 to 1. */
export function movedStatistics(layout: ModelLayout, seed = 6): Float32Array {
  const random = new RandomStream(seed, 80);
  const statistics = new Float32Array(layout.statisticsCount);
  for (const { offset, channels } of layout.batchNorms) {
    for (let i = 0; i < channels; i += 1) {
      statistics[offset + i] = random.nextBetween(-0.3, 0.3);
      statistics[offset + channels + i] = random.nextBetween(0.05, 1);
    }
  }
  return statistics;
}

/** Drawn statistics would damp what comes in, layer by layer, until every image gets the same answer. */
const isDeep = (layout: ModelLayout) => layout.batchNorms.length > 10;

/** Of a batch of photographs under these parameters. */
async function seenStatistics(
  engine: Engine,
  spec: RunSpec,
  parameters: Float32Array,
): Promise<Float32Array> {
  engine.setWeights(parameters, freshStatistics(engine.layout));
  return engine.gradients(await photographBatch(spec, 16)).statistics;
}

/** Writes what a finished run leaves for its users into the store, as a coordinator and a worker would have. */
export async function exportRun(store: ObjectStore, spec: RunSpec): Promise<void> {
  const engine = createEngine(tensorFlow(), spec);
  const { layout } = engine;
  const parameters = trainedParameters(layout, engine.initialise(spec.seed, newestDraws));
  const statistics = isDeep(layout)
    ? await seenStatistics(engine, spec, parameters)
    : movedStatistics(layout);
  engine.dispose();
  const stored = encodeDocument(spec);
  await store.put(runKey(spec.run, "spec.json"), stored);
  const owner = { run: spec.run, specSha256: sha256Hex(stored) };
  const files = await exportFiles({ spec, owner, layout, parameters, statistics });
  const keys = await publishExport(store, spec.run, files, { generation: 1 });
  const paths = keys.map((key) => key.slice(runKey(spec.run, "").length));
  const published: RunResult = {
    ...result,
    run: spec.run,
    dataset: spec.dataset,
    exported: { checkpoint: "1-30", paths },
  };
  await store.put(runKey(spec.run, "result.json"), encodeDocument(published));
  const closing = { generation: 2, closes: 1, published: "", changes: {} };
  await takeNumber(store, spec.run, closing);
}
