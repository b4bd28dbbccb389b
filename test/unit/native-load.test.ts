/** TensorFlow loads from the cache: in a process, in a thread, quietly, with the options that decide its bits. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { loadTensorFlow, nativeEnvironment } from "../../engine/native/load-tensorflow.js";
import { TrainyardError } from "../../shared/errors.js";

const options = { intraOpThreads: 2, oneDnn: true };
const compiled = pathToFileURL(join(import.meta.dirname, "../../dist/engine/native/load-tensorflow.js")).href;

/** What one run of `program` (with `load` in scope) writes. */
async function inProcess(program: string, environment: Record<string, string> = {}) {
  const code = `import { loadTensorFlow as load } from ${JSON.stringify(compiled)};\n${program}`;
  const { TF_CPP_MIN_LOG_LEVEL: _, ...rest } = process.env;
  const args = ["--input-type=module", "-e", code];
  return await promisify(execFile)(process.execPath, args, { env: { ...rest, ...environment } });
}

/** Loads with N threads, computes something, and prints the number of threads that the process then has. */
const loadAndCount = `
  const { readdirSync } = await import("node:fs");
  const tf = load({ intraOpThreads: N, oneDnn: true });
  tf.matMul(tf.ones([64, 64]), tf.ones([64, 64])).dataSync();
  process.stdout.write(String(readdirSync("/proc/self/task").length));`;

/** The same program with its loading done by a thread. */
function inThread(program: string) {
  const body = `import(${JSON.stringify(compiled)}).then(async ({ loadTensorFlow: load }) => { ${program} });`;
  return `import { Worker } from "node:worker_threads";
    new Worker(${JSON.stringify(body)}, { eval: true });`;
}

const threadsOfProcess = async (count: number, load: string) =>
  Number((await inProcess(load.replace("N", `${count}`))).stdout);

describe("loading TensorFlow", () => {
  it("gives tfjs-node on the 2.21 library", () => {
    const tensorflow = loadTensorFlow(options);
    expect(tensorflow.getBackend()).toBe("tensorflow");
    expect(tensorflow.tensor1d([1, 2, 3]).sum().dataSync()[0]).toBe(6);
    expect(loadTensorFlow(options)).toBe(tensorflow);
  });

  it("refuses other options in the same process, since they could not take effect", () => {
    loadTensorFlow(options);
    expect(() => loadTensorFlow({ ...options, oneDnn: false })).toThrow(
      /runs in this process with 2 threads, oneDNN on already and can't change to 2 threads, oneDNN off/,
    );
  });

  it("without a set-up is one sentence that names the command", () => {
    const before = process.env["XDG_CACHE_HOME"];
    const empty = mkdtempSync(join(tmpdir(), "trainyard-empty-"));
    process.env["XDG_CACHE_HOME"] = empty;
    try {
      expect(() => loadTensorFlow(options)).toThrow(TrainyardError);
      expect(() => loadTensorFlow(options)).toThrow(/is not set up .*Run: npx trainyard setup$/);
    } finally {
      if (before === undefined) delete process.env["XDG_CACHE_HOME"];
      else process.env["XDG_CACHE_HOME"] = before;
      rmSync(empty, { recursive: true });
    }
  });

  it("says nothing on the terminal, unless the user asks TensorFlow to", async () => {
    const program = `load({ intraOpThreads: 2, oneDnn: true }).ones([2]).print();`;
    const quiet = await inProcess(program);
    expect(quiet.stderr).toBe("");
    expect(quiet.stdout).toContain("[1, 1]");
    const asked = await inProcess(program, { TF_CPP_MIN_LOG_LEVEL: "0" });
    expect(asked.stderr).toContain("oneDNN custom operations are on");
  });

  it("gives TensorFlow the threads of the options, whatever the environment says", async () => {
    const few = await threadsOfProcess(2, loadAndCount);
    expect(await threadsOfProcess(6, loadAndCount)).toBe(few + 4);
    const { stdout } = await inProcess(loadAndCount.replace("N", "2"), { TF_NUM_INTRAOP_THREADS: "7" });
    expect(Number(stdout)).toBe(few);
  });

  it("does so in a worker thread, whose process.env no C code ever sees", async () => {
    const load = inThread(loadAndCount);
    const few = await threadsOfProcess(2, load);
    expect(await threadsOfProcess(6, load)).toBe(few + 4);
  });

  it("works where Node has dropped the functions of util that tfjs-node calls", async () => {
    const program = `
      import util from "node:util";
      delete util.isNullOrUndefined;
      delete util.isArray;
      const tf = load({ intraOpThreads: 2, oneDnn: true });
      const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2], kernelInitializer: "ones" })] });
      model.predict(tf.ones([1, 2])).print();`;
    expect((await inProcess(program)).stdout).toContain("[[2],]");
  });
});

describe("the environment of TensorFlow", () => {
  it("holds the spec's threads and kernels, and asks for determinism", () => {
    expect(nativeEnvironment({ intraOpThreads: 3, oneDnn: false })).toMatchObject({
      TF_NUM_INTRAOP_THREADS: "3",
      TF_ENABLE_ONEDNN_OPTS: "0",
      TF_DETERMINISTIC_OPS: "1",
      TF_CUDNN_DETERMINISTIC: "1",
    });
  });
});
