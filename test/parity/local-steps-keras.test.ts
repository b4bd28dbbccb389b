/**
 * Three local steps of a lane equal real Keras' SGD from the same weights on the same photographs: the way that the
 * lane returns, per sample, is Keras' way to 1e-5. Keras computes in float64, which is the exact answer. Made again by
 * the same engine, they are the same bits, and no tensor is left.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { MicroBatch } from "../../engine/engine.js";
import { createEngine } from "../../engine/tensorflow-engine.js";
import { newestDraws } from "../../shared/random.js";
import { lanesFor } from "../../worker/engine-host.js";
import { photographBatch } from "../support/engine/photographs.js";
import {
  engineSpec,
  freshStatistics,
  largestDifference,
  movedParameters,
  tensorFlow,
} from "../support/engine/spec.js";
import { runInFolders, ScriptFolder } from "../support/keras-script.js";

const [side, learningRate] = [24, 0.02];
const spec = engineSpec({ height: side, classWeights: [1, 3], model: { l2: 0.01 } });
const engine = createEngine(tensorFlow(), spec);
afterAll(() => engine.dispose());
const parameters = movedParameters(engine.initialise(7, newestDraws));

/** The batch in calls of these sizes. */
function cut(batch: MicroBatch, sizes: readonly number[]): MicroBatch[] {
  const samples = batch.labels.length;
  let begin = 0;
  return sizes.map((size) => {
    const part = <T extends Uint8Array | Int32Array | Float32Array>(vector: T): T => {
      const each = vector.length / samples;
      return vector.slice(begin * each, (begin + size) * each) as T;
    };
    const call: MicroBatch = {
      images: part(batch.images),
      labels: part(batch.labels),
      transforms: part(batch.transforms),
      brightness: part(batch.brightness),
      channelShifts: part(batch.channelShifts),
      dropoutSeed: [begin, 0],
    };
    begin += size;
    return call;
  });
}

/** A folder with local steps for Keras to make. */
function folderOf(batch: MicroBatch, calls: readonly (readonly number[])[]): ScriptFolder {
  const { classWeights, model } = spec;
  const folder = new ScriptFolder();
  const given = { side, learningRate, calls, classWeights, l2: model.l2 };
  folder.write("local.json", JSON.stringify(given));
  folder.write("parameters.f32", parameters);
  folder.write("images.u8", batch.images);
  folder.write("labels.i32", batch.labels);
  return folder;
}

async function caseOf(name: string, calls: readonly (readonly number[])[]) {
  const sizes = calls.flat();
  const batch = await photographBatch(
    spec,
    sizes.reduce((sum, size) => sum + size, 0),
  );
  return { name, calls, sizes, batch, folder: folderOf(batch, calls) };
}

const cases = [
  await caseOf("a call each", [[5], [5], [5]]),
  await caseOf("two calls each, the last short", [[4, 4], [4, 4], [3]]),
];
beforeAll(() =>
  runInFolders(
    "local_steps_keras.py",
    cases.map(({ folder }) => folder),
  ),
);

describe("three local steps", () => {
  it.each(cases)("of $name are Keras' SGD", ({ calls, sizes, batch, folder }) => {
    const accumulation = calls[0]?.length ?? 1;
    const lanes = lanesFor(engine, { accumulation, localSteps: { count: 3, learningRate } });
    lanes.setWeights(parameters, freshStatistics(engine.layout));
    const outcome = lanes.compute(cut(batch, sizes));
    const end = folder.float64("end.f64");
    const way = outcome.gradient.map((value) => value / outcome.samples);
    const wanted = Float64Array.from(end, (value, i) => (parameters[i] as number) - value);
    expect(outcome).toMatchObject({ samples: batch.labels.length, finite: true });
    expect(largestDifference(wanted, new Float64Array(wanted.length))).toBeGreaterThan(1e-2);
    expect(largestDifference(way, wanted)).toBeLessThan(1e-5);
    const tensors = engine.tensorCount();
    expect(lanes.compute(cut(batch, sizes))).toEqual(outcome);
    expect(engine.tensorCount()).toBe(tensors);
  });
});
