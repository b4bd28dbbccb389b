/**
 * Three local steps of a lane equal real Keras' SGD from the same weights on the same photographs: the way that the
 * lane returns, per sample, is Keras' way to 1e-5. Keras computes in float64, which is the exact answer. Made again by
 * the same engine, they are the same bits, and no tensor is left.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, it } from "vitest";
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
import { kerasPython } from "../support/parts.js";

const script = fileURLToPath(new URL("local_steps_keras.py", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "trainyard-local-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

function kerasEnd(batch: MicroBatch, calls: readonly (readonly number[])[]): Float64Array {
  const { classWeights, model } = spec;
  const file = (name: string) => join(folder, name);
  writeFileSync(
    file("local.json"),
    JSON.stringify({ side, learningRate, calls, classWeights, l2: model.l2 }),
  );
  writeFileSync(file("parameters.f32"), parameters);
  writeFileSync(file("images.u8"), batch.images);
  writeFileSync(file("labels.i32"), batch.labels);
  execFileSync(kerasPython(), [script, folder], { stdio: ["ignore", "ignore", "pipe"] });
  return new Float64Array(new Uint8Array(readFileSync(file("end.f64"))).buffer);
}

it.each([
  ["a call each", [[5], [5], [5]]],
  ["two calls each, the last short", [[4, 4], [4, 4], [3]]],
])(
  "three local steps of %s are Keras' SGD",
  async (_, calls) => {
    const sizes = calls.flat();
    const samples = sizes.reduce((sum, size) => sum + size, 0);
    const batch = await photographBatch(spec, samples);
    const accumulation = calls[0]?.length ?? 1;
    const lanes = lanesFor(engine, { accumulation, localSteps: { count: 3, learningRate } });
    lanes.setWeights(parameters, freshStatistics(engine.layout));
    const outcome = lanes.compute(cut(batch, sizes));
    const end = kerasEnd(batch, calls);
    const way = outcome.gradient.map((value) => value / outcome.samples);
    const wanted = Float64Array.from(end, (value, i) => (parameters[i] as number) - value);
    expect(outcome).toMatchObject({ samples, finite: true });
    expect(largestDifference(wanted, new Float64Array(wanted.length))).toBeGreaterThan(1e-2);
    expect(largestDifference(way, wanted)).toBeLessThan(1e-5);
    const tensors = engine.tensorCount();
    expect(lanes.compute(cut(batch, sizes))).toEqual(outcome);
    expect(engine.tensorCount()).toBe(tensors);
  },
  240_000,
);
