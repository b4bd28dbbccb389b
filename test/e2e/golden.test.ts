/**
 * A store that an earlier version wrote (test/golden/store) is as usable as one that this version wrote: a data set of 24
 * small images, a finished run of 14 epochs, and a run with the same settings that was interrupted in its fifth epoch.
 */
import { cpSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { RunResult } from "../../shared/result.js";
import { runProgram, scratch, succeed } from "../support/program.js";
import { finishedRun } from "../support/reference-run.js";

const golden = resolve("test/golden");
const { folder, remove } = scratch();
const options = { cwd: folder, store: `file:${join(folder, "store")}` };
const trainyard = (...words: string[]) => succeed([...words, "--store", options.store], options);
const recorded = JSON.parse(
  readFileSync(join(golden, "store/runs/finished/result.json"), "utf8"),
) as RunResult;

beforeAll(() => cpSync(join(golden, "store"), join(folder, "store"), { recursive: true }));
afterAll(remove);

it("its data set and runs are listed and shown", async () => {
  expect(await trainyard("datasets", "list")).toMatch(/^shapes .*\b18\b.*\b6\b/m);
  const runs = await trainyard("runs", "list");
  expect(runs).toMatch(/^finished +finished +shapes +14\/14 +100\.00 %/m);
  expect(runs).toMatch(/^interrupted +stopped +shapes/m);
  const shown = JSON.parse(await trainyard("runs", "show", "finished", "--json"));
  expect(shown).toMatchObject({
    weightsSha256: recorded.weightsSha256,
    steps: 70,
    samples: recorded.samples,
  });
});

it("its model evaluates and predicts as it did", async () => {
  const evaluated = JSON.parse(await trainyard("evaluate", "finished", "--json"));
  expect(evaluated).toMatchObject({ samples: 6, accuracy: 1 });
  expect(evaluated.loss).toBeCloseTo(recorded.final?.validationLoss ?? Number.NaN, 5);
  const images = ["circles", "crosses"].map((name) => join(golden, "images", `${name}.png`));
  const { predictions } = JSON.parse(await trainyard("predict", "finished", ...images, "--json"));
  expect(predictions).toMatchObject([{ class: "circles" }, { class: "crosses" }]);
  for (const { probability } of predictions) expect(probability).toBeCloseTo(0.999996, 4);
});

it("its interrupted run goes on from its checkpoint, to the weights of the run that was not interrupted", async () => {
  const words = ["train", "--resume", "interrupted", "--workers", "1", "--store", options.store];
  const { code, stderr } = await runProgram(words, options);
  expect({ code, stderr }).toMatchObject({
    code: 0,
    stderr: expect.stringContaining("going on from checkpoint 1-24: epoch 5, step 24"),
  });
  const unbroken = await finishedRun("finished", options);
  const { curve, result } = await finishedRun("interrupted", options);
  const checksums = (rows: typeof curve.steps) => rows.map(({ crc32c }) => crc32c);
  expect(result.samples).toEqual(recorded.samples);
  expect(checksums(curve.steps).slice(0, 24)).toEqual(checksums(unbroken.curve.steps).slice(0, 24));
  // Other processors may round otherwise: there the run is whole, its later bits are its own.
  const isSameEngine = JSON.stringify(result.fingerprints) === JSON.stringify(unbroken.result.fingerprints);
  if (!isSameEngine) return expect(curve.steps).toHaveLength(70);
  expect(checksums(curve.steps)).toEqual(checksums(unbroken.curve.steps));
  expect(result.weightsSha256).toBe(recorded.weightsSha256);
}, 300_000);
