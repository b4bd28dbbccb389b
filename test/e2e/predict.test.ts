/** `trainyard predict` and `evaluate` as a user runs them: names, folders, bad files, exit codes, JSON. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { importDataset } from "../../dataset/import.js";
import { readManifest } from "../../dataset/manifest-file.js";
import { openStore } from "../../shared/store/open.js";
import { exportRun, runSpec } from "../support/exported-run.js";
import { jpeg, temporaryFolders, writeTree } from "../support/pictures.js";
import { runProgram } from "../support/program.js";

const newFolder = temporaryFolders();
let folder: string;

beforeAll(async () => {
  folder = await newFolder();
  const files: Record<string, Buffer | string> = { "bad.jpg": "no picture", "holiday/.DS_Store": "x" };
  for (let index = 0; index < 10; index += 1) {
    files[`photos/007/${index}.jpg`] = await jpeg(index);
    files[`photos/1e3/${index}.jpg`] = await jpeg(index + 10);
  }
  for (const name of ["b.jpg", "a.jpg", "deep/er/ü 猫.jpg"])
    files[`holiday/${name}`] = await jpeg(name.length);
  await writeTree(folder, files);
  const store = await openStore(`file:${join(folder, ".trainyard")}`);
  await importDataset({
    source: join(folder, "photos"),
    name: "numbers",
    store,
    options: {
      classes: null,
      validationSplit: null,
      splitSeed: 1,
      onBad: "fail",
    },
  });
  const hash = (await readManifest(store, "numbers"))?.hash ?? "";
  const dataset = { name: "numbers", hash };
  await exportRun(store, runSpec({ run: "0123", classes: ["007", "1e3"], dataset }));
  await exportRun(store, runSpec({ run: "other", classes: ["x", "y"], dataset }));
});

const trainyard = (...words: string[]) => runProgram(words, { cwd: folder });

interface Answer {
  readonly run: string;
  readonly predictions: {
    path: string;
    class?: string;
    probability?: number;
    probabilities?: number[];
    error?: string;
  }[];
}

describe("trainyard predict", () => {
  it("prints path, class and probability in the order given, folders in theirs", async () => {
    const { code, stdout } = await trainyard(
      "predict",
      "0123",
      "photos/007/3.jpg",
      "holiday",
      "photos/007/1.jpg",
    );
    expect(code).toBe(0);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(rows.map(([path]) => path)).toEqual([
      "photos/007/3.jpg",
      "holiday/a.jpg",
      "holiday/b.jpg",
      "holiday/deep/er/ü 猫.jpg",
      "photos/007/1.jpg",
    ]);
    for (const [, name, probability] of rows) {
      expect(["007", "1e3"]).toContain(name);
      expect(probability).toMatch(/^(0\.[5-9]\d{3}|1\.0000)$/);
    }
  });

  it("a bad file is a row with an error; the others are classified, and the exit code is 1", async () => {
    const { code, stdout } = await trainyard(
      "predict",
      "0123",
      "holiday/a.jpg",
      "bad.jpg",
      "gone.jpg",
      "holiday/b.jpg",
      "--json",
    );
    expect(code).toBe(1);
    const { run, predictions } = JSON.parse(stdout) as Answer;
    expect(run).toBe("0123");
    expect(predictions.map(({ path, error }) => [path, error !== undefined])).toEqual([
      ["holiday/a.jpg", false],
      ["bad.jpg", true],
      ["gone.jpg", true],
      ["holiday/b.jpg", false],
    ]);
    expect(predictions[1]?.error).toMatch(/text file/);
    expect(predictions[2]?.error).toMatch(/no such file/);
    const [first, second] = predictions[0]?.probabilities ?? [];
    expect((first ?? 0) + (second ?? 0)).toBeCloseTo(1, 6);
  });

  it("takes a list of files that ends at --, then the run by the beginning of its name", async () => {
    const { code, stdout } = await trainyard(
      "predict",
      "--files",
      "holiday/a.jpg",
      "holiday/b.jpg",
      "--",
      "01",
    );
    expect(code).toBe(0);
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
  });

  it.each([
    [["predict", "0123"], /no pictures given/],
    [["predict", "faces", "holiday"], /no run "faces".*there are: 0123, other/],
    [["predict", "0123", "holiday", "--jsno"], /did you mean --json/],
  ])("%j is refused with a sentence and exit code 2", async (words, sentence) => {
    const { code, stderr, stdout } = await trainyard(...words);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(sentence);
  });
});

describe("trainyard evaluate", () => {
  it("counts each validation image exactly once", async () => {
    const { code, stdout } = await trainyard("evaluate", "0123", "--json");
    expect(code).toBe(0);
    const { samples, accuracy, classes, confusion, loss } = JSON.parse(stdout);
    expect(samples).toBe(4);
    expect(classes.map(({ name, images }: { name: string; images: number }) => [name, images])).toEqual([
      ["007", 2],
      ["1e3", 2],
    ]);
    expect(confusion.flat().reduce((sum: number, count: number) => sum + count, 0)).toBe(4);
    expect(accuracy).toBe((confusion[0][0] + confusion[1][1]) / 4);
    expect(loss).toBeGreaterThan(0);
    const again = await trainyard("evaluate", "0123", "--data", "numbers", "--json");
    expect(again.stdout).toBe(stdout);
  });

  it("refuses a data set of other classes", async () => {
    const { code, stderr } = await trainyard("evaluate", "other");
    expect(code).toBe(2);
    expect(stderr).toMatch(/classes \(x, y\) are not those of "numbers" \(007, 1e3\)/);
  });

  it("says so when the run has not exported", async () => {
    rmSync(join(folder, ".trainyard/runs/other/export"), { recursive: true });
    const { code, stderr } = await trainyard("predict", "other", "holiday");
    expect(code).toBe(2);
    expect(stderr).toMatch(/no exported model/);
  });
});
