/** TensorFlow loads from the cache: in a process, in a thread, quietly, with the options that decide its bits. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hiddenSentence, hiddenVariables } from "../../engine/native/deciding-variables.js";
import { loadTensorFlow, nativeEnvironment } from "../../engine/native/load-tensorflow.js";
import { startDescription } from "../../engine/processor-fingerprint.js";
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

/** Loads, runs a convolution and prints a hash of its bits. */
const convolutionHash = `
  const { createHash } = await import("node:crypto");
  const tf = load({ intraOpThreads: 2, oneDnn: true });
  const x = tf.range(0, 4 * 16 * 16 * 32).sin().reshape([4, 16, 16, 32]);
  const y = tf.conv2d(x, tf.range(0, 3 * 3 * 32 * 64).cos().reshape([3, 3, 32, 64]), 1, "same").dataSync();
  process.stdout.write(createHash("sha256").update(Buffer.from(y.buffer)).digest("hex"));`;

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

  it("computes the same bits under variables that oneDNN, OpenMP and TensorFlow read for themselves", async () => {
    const { stdout: plain } = await inProcess(convolutionHash);
    const { stdout: tuned } = await inProcess(convolutionHash, {
      ONEDNN_MAX_CPU_ISA: "SSE41",
      ONEDNN_DEFAULT_FPMATH_MODE: "BF16",
      TF_SET_ONEDNN_FPMATH_MODE: "BF16",
      TF_XLA_FLAGS: "--tf_xla_auto_jit=2",
      OMP_NUM_THREADS: "1",
      KMP_BLOCKTIME: "0",
    });
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(tuned).toBe(plain);
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

  it("lacks what decides bits and is no setting, and keeps what concerns logs and memory", () => {
    const given = {
      HOME: "/home/a",
      ONEDNN_MAX_CPU_ISA: "SSE41",
      DNNL_MAX_CPU_ISA: "AVX2",
      OMP_NUM_THREADS: "1",
      KMP_AFFINITY: "none",
      TF_USE_DEEP_CONV2D: "1",
      TF_CPP_MIN_LOG_LEVEL: "0",
      TF_FORCE_GPU_ALLOW_GROWTH: "false",
      NVIDIA_TF32_OVERRIDE: "0",
      NVIDIA_VISIBLE_DEVICES: "all",
    };
    const hidden = hiddenVariables(given);
    expect(hidden).toEqual([
      "DNNL_MAX_CPU_ISA",
      "KMP_AFFINITY",
      "NVIDIA_TF32_OVERRIDE",
      "OMP_NUM_THREADS",
      "ONEDNN_MAX_CPU_ISA",
      "TF_USE_DEEP_CONV2D",
    ]);
    expect(hiddenSentence({ OMP_NUM_THREADS: "1", TF_ENABLE_ONEDNN_OPTS: "1" })).toBe(
      "TensorFlow does not see OMP_NUM_THREADS: it could change the bits of results",
    );
    expect(hiddenSentence({ HOME: "/home/a", TF_ENABLE_ONEDNN_OPTS: "1" })).toBeNull();
  });
});

describe("variables that act when a process starts", () => {
  it("are part of the machine's description while they are set, so that workers under others are another kind", () => {
    expect(startDescription({ HOME: "/home/a", GLIBC_TUNABLES: "" })).toBe("");
    expect(startDescription({ VIPS_NOVECTOR: "1", GLIBC_TUNABLES: "glibc.cpu.hwcaps=-FMA" })).toBe(
      ", with GLIBC_TUNABLES=glibc.cpu.hwcaps=-FMA VIPS_NOVECTOR=1",
    );
  });

  it("are told apart, and short, however long they are", () => {
    const [one, other] = ["a", "b"].map((end) =>
      startDescription({ LD_PRELOAD: `${"/x".repeat(400)}${end}` }),
    );
    expect(one).not.toBe(other);
    expect(one?.length).toBeLessThan(100);
  });
});
