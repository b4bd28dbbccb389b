/**
 * The packed program as a stranger gets it: installed without scripts into an empty folder, set up, and used as a library by
 * programs that import, train, stop a training, evaluate and classify. Whatever is printed, they print themselves.
 */
import { execFile } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../shared/version.js";
import { photographs, scratch } from "../support/program.js";

const { folder, remove } = scratch();
afterAll(remove);

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const here = (file: string) => join(folder, file);

function runHere(program: string, words: readonly string[], cwd = folder): Promise<Ended> {
  const options = { cwd, maxBuffer: 64 * 1024 ** 2 };
  return new Promise((resolve) => {
    execFile(program, words, options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

/** Runs a program of this text, in the folder where the package is installed. */
async function runProgram(name: string, text: string): Promise<Ended> {
  writeFileSync(here(name), text);
  return await runHere(process.execPath, [name]);
}

/** The program of docs/library.md, to the letter. */
const documentedProgram = /```js\n([\s\S]*?)```/.exec(readFileSync("docs/library.md", "utf8"))?.[1] ?? "";

let packed = "";

beforeAll(async () => {
  const pack = await runHere("npm", ["pack", "--json", "--pack-destination", folder], packageRoot());
  expect(pack.code, pack.stderr).toBe(0);
  packed = here((JSON.parse(pack.stdout) as [{ filename: string }])[0].filename);
  writeFileSync(here("package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  const quiet = ["--no-audit", "--no-fund", "--prefer-offline"];
  const installed = await runHere("npm", ["install", "--ignore-scripts", ...quiet, packed]);
  expect(installed.code, installed.stderr).toBe(0);
  const setUp = await runHere("npx", ["trainyard", "setup"]);
  expect(setUp.code, setUp.stderr).toBe(0);
  for (const name of readdirSync(join(photographs("faces"), "train"))) {
    const from = join(photographs("faces"), "train", name);
    mkdirSync(join(folder, "photos", name), { recursive: true });
    for (const file of readdirSync(from).sort().slice(0, 20)) {
      copyFileSync(join(from, file), join(folder, "photos", name, file));
      copyFileSync(join(from, file), here("photo.jpg"));
    }
  }
}, 600_000);

describe("a package that strangers install", () => {
  it("publint has nothing to say about it", async () => {
    const { publint } = await import("publint");
    const { formatMessage } = await import("publint/utils");
    const { messages, pkg } = await publint({ pkgDir: packageRoot(), strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
  });

  it("its types are right for programs that import it: are-the-types-wrong has no complaint", async () => {
    const manifest = createRequire(import.meta.url).resolve("@arethetypeswrong/cli/package.json");
    const attw = join(manifest, "..", "dist", "index.js");
    const { code, stdout, stderr } = await runHere(process.execPath, [attw, packed, "--profile", "esm-only"]);
    expect(code, stdout + stderr).toBe(0);
  });

  it("loads the one protobufjs that it pins", () => {
    const { dependencies } = JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as {
      dependencies: Record<string, string>;
    };
    const lock = JSON.parse(readFileSync(here("package-lock.json"), "utf8")) as {
      packages: Record<string, { version: string }>;
    };
    const copies = Object.entries(lock.packages).filter(([path]) => path.endsWith("node_modules/protobufjs"));
    expect(copies.map(([path, { version }]) => [path, version])).toEqual([
      ["node_modules/protobufjs", dependencies["protobufjs"]],
    ]);
  });
});

describe("a program that imports it", () => {
  it("imports, trains, evaluates and classifies as docs/library.md shows, and nothing else is printed", async () => {
    const { code, stdout, stderr } = await runProgram("documented.mjs", documentedProgram);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const number = "[0-9.e-]+";
    expect(stdout).toMatch(new RegExp(`^epoch 1 ${number}\nfinished\n${number} (fe)?male ${number}\n$`));
  }, 300_000);

  it("classifies as the command does, from files and from bytes; a bad image is a prediction with an error", async () => {
    const program = `import { readFileSync } from "node:fs";
import { loadModel } from "trainyard";
const model = await loadModel({ run: "first" });
const [file] = await model.predict(["photo.jpg"]);
const [bytes, bad] = await model.predict([readFileSync("photo.jpg"), Buffer.from("text")]);
model.close();
const late = await model.predict(["photo.jpg"]).catch(({ name, code }) => [name, code]);
console.log(JSON.stringify({ file, bytes, bad, late }));
`;
    const { stdout, stderr } = await runProgram("predict.mjs", program);
    expect(stderr).toBe("");
    const { file, bytes, bad, late } = JSON.parse(stdout) as Record<string, Record<string, unknown>>;
    const command = await runHere("npx", ["trainyard", "predict", "first", "photo.jpg", "--json"]);
    expect(file).toEqual((JSON.parse(command.stdout) as { predictions: unknown[] }).predictions[0]);
    expect(bytes).toEqual({ ...file, path: null });
    expect(bad).toEqual({ path: null, error: expect.any(String) });
    expect(late).toEqual(["TrainyardError", "USAGE"]);
  }, 120_000);

  it("stops a training with an AbortSignal, which can be resumed; wrong options are refused by name", async () => {
    const program = `import { train, TrainyardError } from "trainyard";
const stop = new AbortController();
const run = await train({ dataset: "faces", run: "long", epochs: 500, workers: 1, signal: stop.signal });
for await (const event of run.events) if (event.type === "epoch") stop.abort();
const stopped = await run.result.catch((error) => error);
const again = await train({ resume: "long", workers: 1, epochs: 40 }).then(({ result }) => result).catch((error) => error);
const wrong = await train({ dataset: "faces", lr: 1 }).catch((error) => error);
const many = await train({ dataset: "faces", workers: 65 }).catch((error) => error);
console.log(JSON.stringify([
  stopped instanceof TrainyardError, stopped.code, again.code ?? again.outcome, wrong.code, wrong.message, many.message,
]));
`;
    const { stdout, stderr } = await runProgram("stop.mjs", program);
    expect(stderr).toBe("");
    const [isOurs, stopped, again, ...refusals] = JSON.parse(stdout) as unknown[];
    expect([isOurs, stopped, again]).toEqual([true, "INTERRUPTED", "finished"]);
    expect(refusals).toEqual([
      "USAGE",
      "unknown option lr; did you mean learningRate?",
      expect.stringMatching(/^workers must be .*at most 64/),
    ]);
  }, 300_000);
});
