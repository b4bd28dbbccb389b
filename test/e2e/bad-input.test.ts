/**
 * A newcomer with bad luck: data sets, stores and addresses that are not what the program needs. Each is one sentence
 * on standard error, the documented exit code, no stack, and nothing left behind.
 */
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Manifest } from "../../dataset/manifest.js";
import { flat, writeTree } from "../support/images.js";
import { type Minio, startMinio } from "../support/minio.js";
import { endOf, runProgram, scratch, startProgram } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);
const quick = ["--model", "digits", "--image-size", "16", "--batch-size", "16", "--epochs", "1"];
const run = (...words: string[]) => runProgram(words, { cwd: folder });

const oddNames = [
  "Südtirol".normalize("NFC"),
  "猫 猫",
  "a b",
  "50% off",
  "c++",
  "q?#&",
  "O'Neil \"14",
  "😀",
  "line\nbreak",
];
const numbers = Array.from({ length: 12 }, (_, index) => String(index));

async function makeClasses(name: string, classes: readonly string[], images: number): Promise<void> {
  const files: Record<string, Buffer> = {};
  for (const [label, className] of classes.entries()) {
    for (let image = 0; image < images; image += 1) {
      const colour = { r: (label * 53) % 256, g: image * 30, b: (label * 97) % 256 };
      files[`${name}/${className}/${image}.png`] = await flat(colour).png().toBuffer();
    }
  }
  await writeTree(folder, files);
}

/** One sentence, nothing on standard output. */
function expectSetupError(
  end: { code: number | null; stdout: string; stderr: string },
  code: number,
  sentence: string,
) {
  const lines = end.stderr.trim().split("\n");
  expect(lines[lines.length - 1]).toMatch(/^trainyard: /);
  expect(end.stderr).toContain(sentence);
  expect(end.stderr).not.toMatch(/\n {4}at /);
  expect({ code: end.code, stdout: end.stdout }).toEqual({ code, stdout: "" });
}

beforeAll(async () => {
  await makeClasses("pets", ["cats", "dogs"], 12);
  await makeClasses("odd", oddNames, 4);
  await makeClasses("twelve", numbers.toReversed(), 4);
  await makeClasses("one", ["only"], 4);
  await makeClasses("hollow", ["a", "b"], 4);
  mkdirSync(join(folder, "hollow", "c"));
  for (const name of ["pets", "odd", "twelve"])
    expect(await run("import", name, "--validation-split", "0.25")).toMatchObject({ code: 0 });
});

describe("class names", () => {
  it.each([
    ["odd", oddNames],
    ["twelve", numbers],
  ])(
    "of %s are the same from the folder to the prediction",
    async (name, names) => {
      const trained = await run("train", name, "--run", `${name}-1`, ...quick, "--json");
      expect(trained.code).toBe(0);
      const order = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      const result = JSON.parse(trained.stdout) as { classes: { name: string }[] };
      expect(result.classes.map((item) => item.name)).toEqual(order);
      const stored = readFileSync(join(folder, `.trainyard/runs/${name}-1/export/labels.json`), "utf8");
      expect(JSON.parse(stored)).toMatchObject({ classes: order });
      const predicted = await run("predict", `${name}-1`, "--json", name);
      const { classes, predictions } = JSON.parse(predicted.stdout) as {
        classes: string[];
        predictions: { class: string }[];
      };
      expect(classes).toEqual(order);
      expect(predictions).toHaveLength(4 * names.length);
      for (const prediction of predictions) expect(order).toContain(prediction.class);
      // A name with a line end in it does not make two rows.
      const shown = await run("runs", "show", `${name}-1`);
      expect(shown.stdout.split("\n").filter((line) => / of \d+ right/.test(line))).toHaveLength(
        names.length,
      );
    },
    300_000,
  );
});

describe("data sets that can't be trained on", () => {
  it("one class, an empty class: nothing is imported", async () => {
    expectSetupError(await run("import", "one"), 2, 'one holds one class only ("only")');
    expectSetupError(await run("import", "hollow"), 2, 'no images that can be read for class "c"');
    for (const name of ["one", "hollow"])
      expect(existsSync(join(folder, `.trainyard/datasets/${name}`))).toBe(false);
  });

  it("unknown ones are named with the nearest, and no run is made", async () => {
    const sentence = "has no data set pet; did you mean pets?";
    expectSetupError(await run("train", "pet", "--run", "never"), 2, sentence);
    expectSetupError(await run("coordinator", "pet", "--run", "never"), 2, sentence);
    expect(existsSync(join(folder, ".trainyard/runs/never"))).toBe(false);
  });

  it("a byte that changed is left out and named, or fails the run where none may be; so does a shard that is gone", async () => {
    for (const name of ["changed", "gone"]) await run("import", "pets", "--name", name);
    const shard = (name: string) => join(folder, `.trainyard/datasets/${name}/shards/000000.tar`);
    const manifestFile = join(folder, ".trainyard/datasets/changed/manifest.json");
    const manifest = JSON.parse(readFileSync(manifestFile, "utf8")) as Manifest;
    const sample = manifest.splits.train.shards[0]?.samples[3];
    const bytes = readFileSync(shard("changed"));
    const at = (sample?.offset ?? 0) + (sample?.bytes ?? 0) - 20;
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    writeFileSync(shard("changed"), bytes);
    rmSync(shard("gone"));

    const without = await run("train", "changed", "--run", "without", ...quick);
    expect(without).toMatchObject({ code: 0, stdout: expect.stringContaining("1 image could not be read") });
    const shown = JSON.parse((await run("runs", "show", "without", "--json")).stdout);
    expect(shown.exclusions).toMatchObject([{ split: "train", sample: 3, step: 0 }]);
    const changed = await run("train", "changed", "--run", "changed-1", "--max-excluded", "0", ...quick);
    expect(changed.code).toBe(1);
    expect(changed.stderr).toContain(
      `sample 3 (${sample?.source}) in datasets/changed/shards/000000.tar does not match its hash`,
    );
    const gone = await run("train", "gone", "--run", "gone-1", ...quick);
    expect(gone.code).toBe(1);
    expect(gone.stderr).toMatch(
      /training images of the data set gone can't be read any more.*datasets.gone.shards.000000\.tar/,
    );
    for (const { stderr } of [changed, gone]) {
      expect(stderr).toContain("the logs say more: ");
      expect(stderr).not.toContain("starting it again");
      expect(stderr).not.toMatch(/\n {4}at /);
    }
    // Afterwards others still learn how it ended.
    expect(await run("runs", "follow", "gone-1")).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("datasets/gone/shards"),
    });
    expect((await run("runs", "list")).stdout).toMatch(/^changed-1 +failed/m);
  }, 300_000);
});

describe("addresses", () => {
  it("beyond loopback without --insecure, or not this machine's: refused, and no run is left", async () => {
    expectSetupError(
      await run("coordinator", "pets", "--run", "open", "--host", "0.0.0.0"),
      2,
      "listening on 0.0.0.0 would serve anyone",
    );
    expectSetupError(
      await run("worker", "--metrics-host", "0.0.0.0"),
      2,
      "listening on 0.0.0.0 would serve anyone",
    );
    const foreign = await run(
      "coordinator",
      "pets",
      "--run",
      "foreign",
      "--host",
      "203.0.113.1",
      "--insecure",
    );
    expectSetupError(foreign, 2, "can't listen on 203.0.113.1:7070");
    for (const name of ["open", "foreign"])
      expect(existsSync(join(folder, `.trainyard/runs/${name}/spec.json`))).toBe(false);
  });

  it("a worker without a coordinator gives up after --connect-timeout", async () => {
    const words = ["worker", "--coordinator", "127.0.0.1:9", "--connect-timeout", "1"];
    expectSetupError(await run(...words), 1, "no coordinator at 127.0.0.1:9 for 1 s");
    expectSetupError(await run("worker", "--coordinator", "here"), 2, "--coordinator must be host:port");
    expectSetupError(await run("worker", "--id", "a\nb"), 2, "--id must be 1 to 256 printable characters");
  });
});

describe("stores", () => {
  let minio: Minio;
  beforeAll(async () => {
    minio = await startMinio();
  });
  afterAll(() => minio.stop());

  it("that can't be made, are not there, or are none", async () => {
    expectSetupError(
      await run("import", "pets", "--store", "file:/proc/nothing"),
      2,
      "choose another --store",
    );
    for (const words of [
      ["train", "pets"],
      ["runs", "list"],
      ["predict", "x", "pets"],
    ])
      expectSetupError(await run(...words, "--store", "file:absent"), 2, "there is no store at file:absent");
    expect(existsSync(join(folder, "absent"))).toBe(false);
    expectSetupError(await run("runs", "list", "--store", "s4:x"), 2, '"s4:x" is not a store');
  });

  it("that nothing serves: the wait is said, and Ctrl-C ends it", async () => {
    const store = "s3://127.0.0.1:9/bucket";
    const child = startProgram(["runs", "list", "--store", store], { cwd: folder, env: minio.environment });
    const end = endOf(child);
    await once(child.stderr as Readable, "data");
    child.kill("SIGINT");
    const ended = await end;
    expect(ended.stderr).toMatch(/^waiting for the store s3:\/\/127\.0\.0\.1:9\/bucket: nothing listens/);
    expectSetupError(ended, 3, "interrupted by SIGINT");
  });

  it("that don't know the credentials: at once", async () => {
    const env = { ...minio.environment, TRAINYARD_S3_SECRET_KEY: "not-the-secret-key" };
    const words = ["import", "pets", "--store", minio.url("team")];
    const end = await runProgram(words, { cwd: folder, env });
    expectSetupError(end, 2, "TRAINYARD_S3_SECRET_KEY");
    expect(end.stderr).not.toContain("waiting for the store");
  });
});
