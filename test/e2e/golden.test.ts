/**
 * A store that an earlier version wrote (test/golden) is as usable as one that this version wrote. Each has a data set of 24
 * small images, a finished run of 14 epochs, and a run with the same settings that was interrupted in its fifth epoch. All
 * stores lie in one folder here, so that one list shows them all.
 */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readManifest } from "../../dataset/manifest-reader.js";
import { evaluate } from "../../library/evaluate.js";
import { importDataset } from "../../library/import-dataset.js";
import { loadModel } from "../../library/load-model.js";
import { readRunState } from "../../runs/run-state.js";
import { readCheckpointModel } from "../../shared/checkpoint.js";
import type { RunResult } from "../../shared/result.js";
import { openStore } from "../../shared/store/open.js";
import { finishedCurve } from "../support/finished-curve.js";
import { drawnRun } from "../support/golden/drawn-run.js";
import { writeSourceImages } from "../support/golden/source-images.mjs";
import { runProgram, scratch, succeed } from "../support/program.js";

/** Each store of test/golden. Names in it end with `suffix`; the last four lines are what its run was when it was made. */
const stores = [
  {
    made: "store",
    suffix: "",
    formats: { run: "trainyard-run/1", dataset: "trainyard-dataset/1" },
    checkpoint: "1-24",
    probability: 0.999996,
    unchecked:
      /^the export of finished names no hash of its spec and of model\.h5, because Trainyard 0\.1\.0 wrote it/,
  },
  {
    made: "store-2",
    suffix: "-2",
    formats: { run: "trainyard-run/2", dataset: "trainyard-dataset/2" },
    checkpoint: "1-21",
    probability: 0.99996,
    unchecked: null,
  },
] as const;

const { folder, remove } = scratch();
const address = `file:${join(folder, "store")}`;
const options = { cwd: folder };
const trainyard = (...words: string[]) => succeed([...words, "--store", address], options);
const images = ["circles", "crosses"].map((name) => resolve(`test/golden/images/${name}.png`));

beforeAll(() => {
  for (const { made } of stores) {
    cpSync(resolve("test/golden", made), join(folder, "store"), { recursive: true });
  }
});
afterAll(remove);

/** The result that a run published. */
async function resultOf(run: string): Promise<RunResult> {
  const { state } = await readRunState(await openStore(address), run);
  if (state.tag !== "ended") throw new Error(`${run} has not finished`);
  return state.result;
}

it("data sets and runs are listed and shown", async () => {
  const datasets = await trainyard("datasets", "list");
  const runs = await trainyard("runs", "list");
  for (const { suffix } of stores) {
    expect(datasets).toMatch(new RegExp(`^shapes${suffix} .*\\b18\\b.*\\b6\\b`, "m"));
    expect(runs).toMatch(new RegExp(`^finished${suffix} +finished +shapes${suffix} +14/14 +100\\.00 %`, "m"));
    expect(runs).toMatch(new RegExp(`^interrupted${suffix} +stopped +shapes${suffix}`, "m"));
  }
  const recorded = await resultOf("finished");
  const shown = JSON.parse(await trainyard("runs", "show", "finished", "--json"));
  const { weightsSha256, samples } = recorded;
  expect(shown).toMatchObject({ weightsSha256, steps: 70, samples });
});

describe.each(stores)("$made", ({ made, suffix, formats, checkpoint, probability, unchecked }) => {
  const [finished, interrupted, shapes] = ["finished", "interrupted", "shapes"].map(
    (name) => `${name}${suffix}`,
  ) as [string, string, string];

  it("has the formats that it was made with, and its run the draws of its format", async () => {
    const store = await openStore(address);
    const { spec } = await readRunState(store, interrupted);
    expect({ run: spec.format, dataset: (await readManifest(store, shapes))?.format }).toEqual(formats);
    const { layout } = await readCheckpointModel(store, interrupted, checkpoint);
    await expect(await drawnRun(store, spec, layout)).toMatchFileSnapshot(`../golden/draws-of-${made}.txt`);
  });

  it("has a data set that is the same when its images are imported again", async () => {
    const source = join(folder, `images of ${made}`);
    writeSourceImages(join(folder, "store"), shapes, source);
    const wish = { store: address, path: source, name: shapes, validationSplit: 0.25 };
    const { hash } = (await readManifest(await openStore(address), shapes)) ?? {};
    expect(await importDataset(wish)).toMatchObject({ wasThere: true, hash, accepted: 24 });
  });

  it("has a model that evaluates and predicts as it did, and says once what can't be checked of it", async () => {
    const notices: string[] = [];
    const wish = { run: finished, store: address, onNotice: (said: string) => notices.push(said) };
    const { loss, ...evaluated } = await evaluate(wish);
    const { final } = await resultOf(finished);
    expect(evaluated).toMatchObject({ samples: 6, accuracy: 1 });
    expect(loss).toBeCloseTo(final?.validationLoss ?? Number.NaN, 5);
    expect(notices).toEqual(unchecked === null ? [] : [expect.stringMatching(unchecked)]);
    const model = await loadModel({ run: finished, store: address });
    const predictions = await model.predict(images);
    model.close();
    expect(predictions).toMatchObject([{ class: "circles" }, { class: "crosses" }]);
    for (const one of predictions) expect(one).toMatchObject({ probability: expect.closeTo(probability, 3) });
  });

  it("has an interrupted run that goes on in the middle of its epoch, to the weights of the unbroken one", async () => {
    const words = ["train", "--resume", interrupted, "--workers", "1", "--store", address];
    const { code, stderr } = await runProgram(words, options);
    const step = checkpoint.split("-")[1];
    const said = `going on from checkpoint ${checkpoint}: epoch 5, step ${step}`;
    expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(said) });
    const [unbroken, result] = [await resultOf(finished), await resultOf(interrupted)];
    const crcs = async (run: string) =>
      (await finishedCurve(run, { store: address })).steps.map(({ crc32c }) => crc32c);
    const [ours, theirs] = [await crcs(interrupted), await crcs(finished)];
    expect(result.samples).toEqual(unbroken.samples);
    expect(ours.slice(0, Number(step))).toEqual(theirs.slice(0, Number(step)));
    // Other processors may round otherwise: there the run is whole, its later bits are its own.
    const isSameEngine = JSON.stringify(result.fingerprints) === JSON.stringify(unbroken.fingerprints);
    if (!isSameEngine) return expect(ours).toHaveLength(70);
    expect(ours).toEqual(theirs);
    expect(result.weightsSha256).toBe(unbroken.weightsSha256);
  });
});

it("a model.h5 cut by two bytes, and another run's export, are refused by all that read exports", async () => {
  const exportOf = (run: string, ...path: string[]) => join(folder, "store/runs", run, "export", ...path);
  const h5 = exportOf("finished-2", "keras/model.h5");
  const bytes = readFileSync(h5);
  const wish = { run: "finished-2", store: address };
  writeFileSync(h5, bytes.subarray(0, -2));
  const cut = {
    code: "DAMAGED",
    message: expect.stringMatching(/finished-2\/export\/keras\/model\.h5" .* is damaged/),
  };
  await expect(loadModel(wish)).rejects.toMatchObject(cut);
  await expect(evaluate(wish)).rejects.toMatchObject(cut);
  rmSync(exportOf("finished-2"), { recursive: true });
  cpSync(exportOf("finished"), exportOf("finished-2"), { recursive: true });
  const other = /finished-2\/export\/labels\.json is the export of the run finished, not of finished-2/;
  await expect(loadModel(wish)).rejects.toThrow(other);
  await expect(evaluate(wish)).rejects.toThrow(other);
});
