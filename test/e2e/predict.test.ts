/**
 * `trainyard predict` and `trainyard evaluate` as a user runs them, on a run that has exported: rows in input order, a
 * bad file is a row and not an end, names are names, and both commands give the same numbers.
 */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readManifest } from "../../dataset/manifest-reader.js";
import { runKey } from "../../shared/spec.js";
import { openStore } from "../../shared/store/open.js";
import { exportRun, runSpec } from "../support/exported-run.js";
import { photographs, runProgram, scratch } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);

const run = (...words: string[]) => runProgram(words, { cwd: folder });
const validation = join(photographs("faces"), "validation");
const facesOf = (name: string) => readdirSync(join(validation, name)).sort();

interface Row {
  readonly path: string;
  readonly class?: string;
  readonly probability?: number;
  readonly probabilities?: readonly number[];
  readonly error?: string;
}
const rowsOf = (stdout: string) => (JSON.parse(stdout) as { predictions: Row[] }).predictions;

beforeAll(async () => {
  const imported = await run("import", photographs("faces"), "--name", "faces");
  expect(imported).toMatchObject({ code: 0 });
  const store = await openStore(`file:${join(folder, ".trainyard")}`);
  const manifest = await readManifest(store, "faces");
  const dataset = { name: "faces", hash: manifest?.hash ?? "" };
  for (const name of ["0123", "faces-1"]) await exportRun(store, runSpec({ run: name, dataset }));
  const unfinished = runSpec({ run: "faces-unfinished", dataset });
  await store.put(runKey(unfinished.run, "spec.json"), Buffer.from(JSON.stringify(unfinished)));

  mkdirSync(join(folder, "album", "inner"), { recursive: true });
  const [first, second, third, fourth] = facesOf("female");
  const place = (name: string | undefined, to: string) =>
    copyFileSync(join(validation, "female", name ?? ""), join(folder, to));
  place(first, "album/b.jpg");
  place(second, "album/a,1.jpg");
  place(third, "album/inner/ü 猫.png");
  place(fourth, "007");
  writeFileSync(join(folder, "album", "notes.jpg"), "this is text");
  writeFileSync(join(folder, "album", ".hidden.jpg"), "x");
}, 300_000);

/** A data set of four pictures a class, half of them for validation; `classes` says from where each takes its own. */
async function importFew(name: string, classes: Readonly<Record<string, string>>) {
  for (const [to, from] of Object.entries(classes)) {
    mkdirSync(join(folder, name, to), { recursive: true });
    for (const file of facesOf(from).slice(0, 4)) {
      copyFileSync(join(validation, from, file), join(folder, name, to, file));
    }
  }
  expect(await run("import", name, "--validation-split", "0.5")).toMatchObject({ code: 0 });
}

describe("predict", () => {
  it("prints path, class and probability in input order; a bad file is a row, and exit code 1", async () => {
    const { code, stdout, stderr } = await run(
      "predict",
      "faces-1",
      "007",
      "album",
      "gone.jpg",
      "album/b.jpg",
    );
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(rows.map(([path]) => path)).toEqual([
      "007",
      "album/a,1.jpg",
      "album/b.jpg",
      "album/notes.jpg",
      "album/inner/ü 猫.png",
      "gone.jpg",
      "album/b.jpg",
    ]);
    for (const at of [0, 1, 2, 4, 6]) {
      expect(rows[at]?.[1]).toMatch(/^(female|male)$/);
      expect(Number(rows[at]?.[2])).toBeGreaterThanOrEqual(0.5);
    }
    expect(rows[3]?.slice(1)).toEqual(["error", expect.stringContaining("not an image that can be read")]);
    expect(rows[5]?.slice(1)).toEqual(["error", expect.stringContaining("there is no such file")]);
    expect(rows[6]).toEqual(rows[2]);
    expect(stderr).toBe("left out 1: hidden (name begins with a dot)\n");
    expect(code).toBe(1);
  });

  it("takes a list of files before --, the beginning of a run's name, names like numbers, commas in names", async () => {
    const { code, stdout } = await run("predict", "--json", "--files", "007", "album/a,1.jpg", "--", "01");
    expect(code).toBe(0);
    const rows = rowsOf(stdout);
    expect(rows.map(({ path }) => path)).toEqual(["007", "album/a,1.jpg"]);
    for (const { probabilities = [], probability } of rows) {
      expect(probabilities[0] ?? 0).toBeCloseTo(1 - (probabilities[1] ?? 0), 6);
      expect(probability).toBe(Math.max(...probabilities));
    }
  });

  it.each([
    [["faces-1"], "no images given; write: trainyard predict faces-1 IMAGE…"],
    [["faces-1", "007", "--fiels", "x"], "unknown option --fiels; did you mean --files?"],
    [["faces-unfinished", "007"], "the run faces-unfinished in file:.trainyard has no exported model"],
    [["faces", "007"], 'several runs begin with "faces": faces-1, faces-unfinished'],
    [["face5", "007"], 'no run "face5"'],
  ])("%j: one sentence, exit code 2", async (words, sentence) => {
    const { code, stdout, stderr } = await run("predict", ...words);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  });
});

describe("evaluate", () => {
  it("counts what predict says of the same pictures, each once", async () => {
    const evaluated = await run("evaluate", "faces-1", "--json");
    expect(evaluated.code).toBe(0);
    const { samples, accuracy, loss, confusion, classes } = JSON.parse(evaluated.stdout);
    expect(samples).toBe(48);
    const { stdout } = await run(
      "predict",
      "faces-1",
      "--json",
      join(validation, "female"),
      join(validation, "male"),
    );
    const rows = rowsOf(stdout);
    expect(rows).toHaveLength(48);
    const females = facesOf("female").length;
    const labels = rows.map((_, index) => (index < females ? 0 : 1));
    const counted = [
      [0, 0],
      [0, 0],
    ];
    let lossSum = 0;
    for (const [index, row] of rows.entries()) {
      const label = labels[index] as number;
      const predicted = row.class === "female" ? 0 : 1;
      (counted[label] as number[])[predicted] = (counted[label]?.[predicted] ?? 0) + 1;
      lossSum -= Math.log(row.probabilities?.[label] ?? 0);
    }
    expect(confusion).toEqual(counted);
    expect(accuracy).toBe(((counted[0]?.[0] ?? 0) + (counted[1]?.[1] ?? 0)) / 48);
    expect(loss).toBeCloseTo(lossSum / 48, 5);
    expect(classes.map((entry: { name: string; images: number }) => [entry.name, entry.images])).toEqual([
      ["female", females],
      ["male", 48 - females],
    ]);
  });

  it("takes another data set of the same classes, and refuses one of others", async () => {
    await importFew("few", { female: "female", male: "male" });
    await importFew("strangers", { female: "female", male: "male", child: "male" });
    const { stdout, code } = await run("evaluate", "faces-1", "--data", "few", "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ dataset: { name: "few" }, samples: 4 });
    const refused = await run("evaluate", "faces-1", "--data", "strangers");
    expect(refused.stderr).toContain("the run's classes (female, male) are not those of");
    expect(refused.code).toBe(2);
    const unknown = await run("evaluate", "faces-1", "--data", "faecs");
    expect(unknown.stderr).toContain('no data set "faecs"');
    expect(unknown.code).toBe(2);
  }, 300_000);
});
